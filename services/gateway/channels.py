"""A job's console as it comes, read and decoded once for all who look at it.

The first reader opens a channel, the last one closes it. Who joins gets every chunk that comes from then on, whether
or not it is taken soon; what lies between a reader's place in the stream and the channel's is the reader's to read.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from nats.aio.msg import Msg

from services.gateway.follow import followed
from shared.bus.bus import Bus
from shared.bus.codec import Undecodable, log_chunk
from shared.contracts import subjects
from shared.contracts.logs import LogChunk

log = structlog.get_logger()

UNDER_WAY = 16
"""Chunks on their way to one channel; one may take 256 KiB."""
IDLE_S = 3600.0
"""How long to wait for a chunk before waiting for it again."""


@dataclass(frozen=True)
class Arrival:
    """A chunk of a console and its place in the stream; None for one that cannot be read.

    Such a chunk is passed over, as the logs service does: its lines show as a gap.
    """

    position: int
    chunk: LogChunk | None


def arrival(message: Msg) -> Arrival:
    """What a message of the stream brings."""
    position = message.metadata.sequence.stream
    try:
        return Arrival(position, log_chunk(message.subject, message.data))
    except Undecodable as error:
        log.error("chunk_unreadable", sequence=position, error=str(error))
        return Arrival(position, None)


class Arrivals:
    """What has come for one reader. `since`: the channel's place in the stream when the reader joined."""

    def __init__(self, since: int) -> None:
        self.since = since
        self._arrived: deque[Arrival] = deque()
        self._wake = asyncio.Event()
        self._error: BaseException | None = None

    def put(self, arrived: Arrival) -> None:
        """One more."""
        self._arrived.append(arrived)
        self._wake.set()

    def fail(self, error: BaseException | None) -> None:
        """Nothing more comes."""
        self._error = error
        self._wake.set()

    async def next(self, interrupt: asyncio.Event, timeout_s: float) -> list[Arrival]:
        """What has come; nothing after an interruption or `timeout_s` seconds. Raises what ended the channel."""
        if not self._arrived and self._error is None:
            waits = {asyncio.create_task(event.wait()) for event in (self._wake, interrupt)}
            try:
                await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
        if not self._arrived and self._error is not None:
            raise self._error
        self._wake.clear()
        arrived = list(self._arrived)
        self._arrived.clear()
        return arrived


class _Channel:
    def __init__(self, bus: Bus, job_id: str, position: int) -> None:
        self.readers: set[Arrivals] = set()
        self._position = position
        self._reading = asyncio.create_task(self._read(bus, job_id))
        self._reading.add_done_callback(self._ended)

    @property
    def is_over(self) -> bool:
        return self._reading.done()

    def join(self) -> Arrivals:
        reader = Arrivals(self._position)
        self.readers.add(reader)
        return reader

    async def close(self) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self, bus: Bus, job_id: str) -> None:
        never = asyncio.Event()
        start = self._position + 1
        async with followed(bus, subjects.LOGS, (subjects.log(job_id),), start, UNDER_WAY) as stream:
            while True:
                for message in await stream.next(never, IDLE_S):
                    arrived = arrival(message)
                    self._position = arrived.position
                    for reader in self.readers:
                        reader.put(arrived)

    def _ended(self, reading: asyncio.Task[None]) -> None:
        if reading.cancelled():
            return
        error = reading.exception()
        for reader in self.readers:
            reader.fail(error)


class Channels:
    """Those that are open in this process, by job."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._open: dict[str, _Channel] = {}

    def __len__(self) -> int:
        return len(self._open)

    @asynccontextmanager
    async def joined(self, job_id: str, position: int) -> AsyncGenerator[Arrivals, None]:
        """Get what comes. `position`: of the newest chunk; a channel begins after its first reader's."""
        channel = self._open.get(job_id)
        if channel is None or channel.is_over:
            channel = self._open[job_id] = _Channel(self._bus, job_id, position)
        reader = channel.join()
        try:
            yield reader
        finally:
            channel.readers.remove(reader)
            if not channel.readers:
                if self._open.get(job_id) is channel:
                    del self._open[job_id]
                await channel.close()
