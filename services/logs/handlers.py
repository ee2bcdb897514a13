"""What the log service listens to: every chunk of every job, and the question for a job's last lines."""

from collections.abc import Sequence

import structlog

from services.logs.chunks import arrival
from services.logs.domain.chunk import Arrival
from services.logs.domain.page import page_of
from services.logs.progress import Progress
from services.logs.rings import Rings
from services.logs.settings import LogsSettings
from services.logs.snapshots import Snapshots
from services.logs.stream import LogStream
from shared.bus.bus import Bus
from shared.bus.codec import Undecodable
from shared.bus.subscriptions import Answers, Delivery, PerPartition, Subscription
from shared.contracts import subjects
from shared.contracts.commands.logs import TAIL_LOG, TAIL_PARTITION, LogPage, TailLog
from shared.contracts.errors import Unavailable

log = structlog.get_logger()

ELSEWHERE_S = 0.5
"""How much longer than an answer of our own another replica's may take."""


class Handlers:
    """The log service's side of the bus."""

    def __init__(
        self,
        bus: Bus,
        rings: Rings,
        progress: Progress,
        snapshots: Snapshots,
        stream: LogStream,
        settings: LogsSettings,
    ) -> None:
        self._bus = bus
        self._rings = rings
        self._progress = progress
        self._snapshots = snapshots
        self._stream = stream
        self._partitions = settings.partitions
        self._catch_up_s = settings.catch_up_s
        self.unreadable = 0
        """Messages that were no lines, since the start."""

    async def position(self) -> int:
        """The stream sequence to begin at."""
        return await self._snapshots.resume()

    async def ingest(self, deliveries: Sequence[Delivery[Arrival | Undecodable]]) -> None:
        """Put chunks into their rings."""
        for delivery in deliveries:
            if isinstance(delivery.message, Undecodable):
                self.unreadable += 1
                log.error("chunk_unreadable", sequence=delivery.sequence, error=str(delivery.message))
            else:
                await self._rings.add(delivery.sequence, delivery.message)
            self._progress.advance(delivery.sequence)
        await self._rings.shrink()

    async def tail(self, ask: TailLog) -> LogPage:
        """The last lines; another replica's are asked of it. Raises StreamAway, Unavailable."""
        partition = subjects.log_partition(ask.job_id)
        if partition in self._partitions:
            return await self.tail_partition(ask)
        return await self._bus.ask(TAIL_PARTITION.at(partition), ask, self._catch_up_s + ELSEWHERE_S)

    async def tail_partition(self, ask: TailLog) -> LogPage:
        """The last lines, up to what the job had published when the question came. Raises StreamAway, Unavailable."""
        needed = await self._stream.needed(ask.job_id, self._progress.position, self._catch_up_s)
        try:
            await self._progress.reach(needed, self._catch_up_s)
        except TimeoutError:
            raise Unavailable("The log service is still reading what jobs have printed. Try again soon.") from None
        ring = await self._rings.find(ask.job_id)
        if ring is None:
            return LogPage(chunks=(), position=self._progress.position)
        page = page_of(ring, ask, self._progress.position)
        await self._rings.shrink()
        return page


SUBSCRIPTIONS: tuple[Subscription, ...] = (
    PerPartition(subjects.LOGS, (subjects.LOG_CHUNKS,), arrival, Handlers.ingest, start=Handlers.position),
    Answers(TAIL_LOG, Handlers.tail),
    Answers(TAIL_PARTITION, Handlers.tail_partition, at_partition=True),
)

ASKS = (TAIL_PARTITION,)
