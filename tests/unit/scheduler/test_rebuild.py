"""What the snapshot has and the list of open jobs has not: each is looked up, however many fit in one reply."""

import asyncio
from typing import Any

from services.scheduler.domain.snapshot import Snapshot
from services.scheduler.rebuild import Rebuild
from services.scheduler.settings import SchedulerSettings
from shared.bus.bus import Bus
from shared.contracts.commands.command import Command
from shared.contracts.commands.jobs import ActiveJobPage, GetJobViews, JobViews
from shared.contracts.job import JobView
from tests.support.yard import job


class Service(Bus):
    """A jobs service whose list is empty, and whose replies have room for three jobs."""

    def __init__(self, *jobs: JobView) -> None:
        self._jobs = {view.id: view for view in jobs}

    async def ask(self, command: Command[Any, Any], ask: Any, timeout: float = 5.0) -> Any:
        if not isinstance(ask, GetJobViews):
            return ActiveJobPage(items=())
        found = [self._jobs[id] for id in ask.ids if id in self._jobs]
        return JobViews(items=tuple(found[:3]), left=tuple(view.id for view in found[3:]))


async def test_a_job_that_found_no_room_in_a_reply_is_asked_for_again_and_not_forgotten() -> None:
    jobs = [job(number) for number in range(10)]
    gone = [job(number) for number in range(10, 15)]
    snapshot = Snapshot()
    for view in (*jobs, *gone):
        snapshot.put(view)
    changed = [view.model_copy(update={"version": 2}) for view in jobs]
    await Rebuild(Service(*changed), snapshot, SchedulerSettings(), asyncio.Event()).load()
    assert {id: view.version for id, view in snapshot.jobs.items()} == {view.id: 2 for view in jobs}
