"""Watches the nodes' reports in the NODES bucket.

A report that changes is a sign of life; its absence is judged by our own monotonic clock (`Snapshot.advance`), never
by the node's. The watch is remade regularly, so that neither a restart of the server nor a lost message leaves it
deaf; the values that it begins with count only if they are new.
"""

import asyncio

import structlog
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError
from nats.js.kv import KV_DEL, KV_PURGE, KeyValue
from pydantic import ValidationError

from services.scheduler.domain.snapshot import Snapshot
from shared.bus.bus import Bus
from shared.clock import Clock
from shared.contracts import subjects
from shared.contracts.events import NodeReported

log = structlog.get_logger()

REMADE_EVERY_S = 20.0
QUIET_S = 7.0
"""Nodes report every 5 s: a watch that is quiet for longer is remade at once."""
RETRY_S = 0.5


class Inventory:
    """Feeds the nodes' reports to the snapshot."""

    def __init__(self, bus: Bus, clock: Clock, snapshot: Snapshot, wake: asyncio.Event) -> None:
        self._bus = bus
        self._clock = clock
        self._snapshot = snapshot
        self._wake = wake
        self._known: dict[str, tuple[int | None, object]] = {}
        self.complete = False
        """Whether all that the bucket held was heard once."""

    async def run(self) -> None:
        """Watch for good."""
        while True:
            try:
                await self._watch()
            except NotFoundError:
                log.warning("nodes_bucket_missing")  # it is lost with the server's memory; the jobs service remakes it
                await asyncio.sleep(RETRY_S)
            except (NatsError, TimeoutError) as error:
                log.warning("nodes_watch_broken", error=repr(error))
                await asyncio.sleep(RETRY_S)

    async def _watch(self) -> None:
        bucket = await self._bus.js.key_value(subjects.NODES)
        watcher = await bucket.watchall()
        ends = self._clock.monotonic() + REMADE_EVERY_S
        try:
            while (left := ends - self._clock.monotonic()) > 0:
                try:
                    entry = await watcher.updates(timeout=min(left, QUIET_S))  # type: ignore[no-untyped-call]  # nats-py's
                except TimeoutError:
                    return
                if entry is not None:
                    self._take(entry)
                else:
                    self.complete = True
        finally:
            await watcher.stop()  # type: ignore[no-untyped-call]  # nats-py's

    def _take(self, entry: KeyValue.Entry) -> None:
        stamp = (entry.revision, entry.created)
        if self._known.get(entry.key) == stamp:
            return
        self._known[entry.key] = stamp
        if entry.operation in (KV_DEL, KV_PURGE):
            self._snapshot.lose_node(entry.key, self._clock.monotonic())
        else:
            self._report(entry)
        if self._snapshot.due:
            self._wake.set()

    def _report(self, entry: KeyValue.Entry) -> None:
        try:
            report = NodeReported.model_validate_json(entry.value or b"")
        except ValidationError as error:
            log.error("node_report_unreadable", node=entry.key, error=str(error))
            return
        self._snapshot.report(report, self._clock.monotonic())
