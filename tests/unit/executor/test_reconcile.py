"""The repairs of one comparison: what is wrong with one run is that run's alone."""

import asyncio
from collections.abc import Iterable
from typing import Any

from services.executor.executor import Executor
from services.executor.outputs import Outputs
from services.executor.placed import Assignment, Placed
from services.executor.reconcile import Reconcile
from shared.bus.bus import Bus
from shared.contracts.commands.command import Command
from shared.contracts.commands.jobs import ACTIVE, ActiveJob, ActiveJobPage
from shared.contracts.job import JobStatus
from shared.store.port import StoreUnavailable
from tests.support.clock import ManualClock
from tests.support.executor import ID, NODE, launch_of, view_of


class Jobs(Bus):
    """The jobs service, with the jobs that hold something here."""

    def __init__(self, *jobs: ActiveJob) -> None:
        self._jobs = jobs

    async def ask(self, command: Command[Any, Any], ask: Any, timeout: float = 5.0) -> Any:
        assert command is ACTIVE
        return ActiveJobPage(items=self._jobs)


class Nothing(Outputs):
    """No output is kept."""

    def __init__(self) -> None:
        pass

    async def expire(self) -> None:
        pass


class FullDisk(Executor):
    """Knows no run, stores nothing, and cannot stop the first job it is asked to."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    @property
    def runs(self) -> dict[str, Any]:
        return {}

    async def observe(self, run_ids: Any) -> None:
        pass

    async def launch(self, assignments: Any) -> None:
        raise StoreUnavailable("The disk is full.")

    async def stop(self, placed: Placed) -> None:
        self.asked.append(placed.view.id)
        if len(self.asked) == 1:
            raise OSError("The disk is full.")

    async def lose(self, placed: Placed) -> None:
        self.asked.append(placed.view.id)

    async def forget(self, run_ids: Any) -> None:
        pass

    async def expire(self) -> None:
        pass


async def test_a_run_that_can_not_be_repaired_keeps_no_other_from_its_repair() -> None:
    statuses = (JobStatus.SCHEDULING, JobStatus.KILLING, JobStatus.KILLING, JobStatus.RUNNING)
    views = [view_of(f"{ID[:-1]}{number}", status) for number, status in enumerate(statuses)]
    executor = FullDisk()
    jobs = Jobs(*(ActiveJob(view=view, launch=launch_of()) for view in views))
    await Reconcile(jobs, ManualClock(), executor, Nothing(), NODE).once()
    assert executor.asked == [view.id for view in views[1:]]


class Hanging(FullDisk):
    """Launches the first job no sooner than it has been asked for the stop and the launch of all others."""

    def __init__(self, others: int) -> None:
        super().__init__()
        self._others = others
        self._are_asked = asyncio.Event()
        self.launched: list[str] = []

    async def launch(self, assignments: Iterable[Assignment]) -> None:
        [item] = assignments
        if item.view.id == ID:
            await self._are_asked.wait()
        self.launched.append(item.view.id)
        self._count()

    async def stop(self, placed: Placed) -> None:
        self.asked.append(placed.view.id)
        self._count()

    def _count(self) -> None:
        if len(self.asked) + len(self.launched) == self._others:
            self._are_asked.set()


async def test_a_launch_that_waits_for_its_storage_keeps_no_other_from_its_repair() -> None:
    others = {f"{ID[:-1]}0": JobStatus.SCHEDULING, f"{ID[:-1]}1": JobStatus.KILLING}
    executor = Hanging(len(others))
    views = [view_of(ID), *(view_of(id, status) for id, status in others.items())]
    jobs = Jobs(*(ActiveJob(view=view, launch=launch_of()) for view in views))
    await Reconcile(jobs, ManualClock(), executor, Nothing(), NODE).once()
    assert executor.launched == [f"{ID[:-1]}0", ID]
