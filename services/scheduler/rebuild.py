"""Keeps the snapshot true: everything that is open is read at the start, and compared every 30 seconds.

Events bring what changes; what an event missed is repaired here. A job that the snapshot has and the list of open
jobs has not has ended, or never was: it is looked up by its id.
"""

import asyncio

import structlog

from services.scheduler.domain.snapshot import Snapshot
from services.scheduler.settings import SchedulerSettings
from shared.bus.bus import Bus
from shared.contracts.commands.jobs import ACTIVE, VIEWS, GetJobViews, ListActiveJobs
from shared.contracts.errors import Refusal

log = structlog.get_logger()

RETRY_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
VIEWS_AT_ONCE = 200


class Rebuild:
    """Reads the jobs service into the snapshot."""

    def __init__(self, bus: Bus, snapshot: Snapshot, settings: SchedulerSettings, wake: asyncio.Event) -> None:
        self._bus = bus
        self._snapshot = snapshot
        self._settings = settings
        self._wake = wake
        self._one_at_a_time = asyncio.Lock()
        self.done = False
        """Whether all that is open was read once."""

    async def run(self) -> None:
        """Read everything at once, and again every 30 seconds."""
        failures = 0
        while True:
            try:
                await self.load()
                failures = 0
            except Refusal as refusal:
                log.warning("rebuild_delayed", code=refusal.code, error=refusal.message)
                failures += 1
            await asyncio.sleep(RETRY_S[min(failures, len(RETRY_S)) - 1] if failures else self._settings.reconcile_s)

    async def load(self) -> None:
        """Read all that is open; when this returns, the snapshot is no older than the call. Raises Refusal."""
        async with self._one_at_a_time:
            unseen = set(self._snapshot.jobs)
            after: str | None = None
            more = True
            while more:
                page = await self._bus.ask(ACTIVE, ListActiveJobs(after_id=after))
                for job in page.items:
                    self._snapshot.put(job.view)
                    unseen.discard(job.view.id)
                    after = job.view.id
                more = page.more and bool(page.items)
                self._wake_if_due()
            await self.look_up(sorted(unseen))
            self.done = True

    async def look_up(self, ids: list[str]) -> None:
        """Learn what became of these jobs. Raises Refusal."""
        left = ids
        while left:
            asked = left[:VIEWS_AT_ONCE]
            known = {id: view.version for id in asked if (view := self._snapshot.jobs.get(id)) is not None}
            answer = await self._bus.ask(VIEWS, GetJobViews(ids=tuple(asked)))
            for view in answer.items:
                self._snapshot.put(view)
            for id in set(known).difference((view.id for view in answer.items), answer.left):
                if id in self._snapshot.jobs and self._snapshot.jobs[id].version == known[id]:
                    self._snapshot.forget(id)
            left = [*answer.left, *left[VIEWS_AT_ONCE:]]
            self._wake_if_due()

    def _wake_if_due(self) -> None:
        if self._snapshot.due:
            self._wake.set()
