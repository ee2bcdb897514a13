"""Forgets cases and notifications that have been over for long, so that the store does not grow for ever.

What is not over stays, however old it is, and so does a case with an event that was not published yet. Nothing is
forgotten while the stream EVENTS may still hold the event that it was made of: heard again, it would be told again.
"""

import asyncio
from datetime import timedelta

import structlog

from services.notify.store import NotifyStore
from shared.clock import Clock
from shared.contracts.errors import TemporaryError

log = structlog.get_logger()

LOOK_S = 600.0
BATCH = 200
"""The most that one step looks at and removes, of cases and of notifications each."""


class Retention:
    """The loop; several replicas may run it side by side."""

    def __init__(self, store: NotifyStore, clock: Clock, keep: timedelta) -> None:
        self._store = store
        self._clock = clock
        self._keep = keep

    async def run(self) -> None:
        """Forget until cancelled."""
        while True:
            try:
                forgotten = await self.step()
            except TemporaryError as error:
                log.warning("retention_put_off", error=repr(error))
                forgotten = 0
            await asyncio.sleep(0 if forgotten else LOOK_S)

    async def step(self) -> int:
        """One batch; how many documents went."""
        before = self._clock.now() - self._keep
        forgotten = 0
        for case in await self._store.ended_cases(before, BATCH):
            marked = await self._store.cases.marked(case.id)
            if marked is not None and marked.mark >= case.version:
                forgotten += await self._store.cases.delete(case.id)
        for delivery in await self._store.ended_deliveries(before, BATCH):
            forgotten += await self._store.deliveries.delete(delivery.id)
        if forgotten:
            log.info("notifications_forgotten", count=forgotten)
        return forgotten
