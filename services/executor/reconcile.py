"""The loop behind the events: compares what the platform wants of this node with what is, and repairs it."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence

import structlog

from services.executor.domain.record import run_id
from services.executor.domain.repairs import repairs
from services.executor.executor import Executor
from services.executor.outputs import Outputs
from services.executor.placed import Assignment, Placed, shares_of
from shared.bus.bus import Bus
from shared.clock import Clock
from shared.contracts.commands.jobs import ACTIVE, ActiveJob, ListActiveJobs
from shared.contracts.errors import TemporaryError
from shared.contracts.job import HOLDING, JobView
from shared.views import views_of

log = structlog.get_logger()


class Reconcile:
    """Keeps one node in step with the platform."""

    def __init__(self, bus: Bus, clock: Clock, executor: Executor, outputs: Outputs, node: str) -> None:
        self._bus = bus
        self._clock = clock
        self._executor = executor
        self._outputs = outputs
        self._node = node

    async def run(self, every_s: float) -> None:
        """At once, and then again and again until cancelled."""
        while True:
            try:
                await self.once()
            except (TemporaryError, OSError) as error:
                log.warning("reconcile_delayed", error=repr(error))
            await asyncio.sleep(every_s)

    async def once(self) -> None:
        """One comparison and its repairs. Raises TemporaryError when the jobs service or the store is away."""
        runs = self._executor.runs
        settled = list(runs)
        remnants = await self._executor.remnants.found()
        jobs = {job.view.id: job for job in await self._wanted()}
        await self._executor.observe([id for id in settled if id in runs and runs[id].lives])
        now = self._clock.monotonic()
        todo = repairs([job.view for job in jobs.values()], {id: run.local(now) for id, run in runs.items()}, settled)
        by_run = {run_id(job.view.id, job.view.state.attempt): job for job in jobs.values()}
        held = await self._still_held([id for id in (*todo.stop, *todo.forget) if id not in by_run])
        for id in todo.stop:
            if id not in held:
                await self._alone(id, self._stop(id, by_run.get(id)))
        await asyncio.gather(*(self._alone(id, self._launch(by_run[id])) for id in todo.launch))
        for id in todo.lose:
            await self._alone(id, self._executor.lose(self._placed(by_run[id])))
        for id in todo.report:
            if id in runs:
                self._executor.report(runs[id])
        await self._executor.forget([id for id in todo.forget if id in runs and id not in held])
        await self._clear({id: ranks for id, ranks in remnants.items() if id not in by_run})
        await self._outputs.expire()
        await self._executor.expire()

    async def _alone(self, run_id: str, repair: Awaitable[None]) -> None:
        """What is wrong with one run keeps no other from its repair; its own comes with the next comparison."""
        try:
            await repair
        except (TemporaryError, OSError) as error:
            log.warning("repair_delayed", run_id=run_id, error=repr(error))

    async def _wanted(self) -> list[ActiveJob]:
        """Every job that holds something on this node."""
        found: list[ActiveJob] = []
        after: str | None = None
        more = True
        while more:
            page = await self._bus.ask(ACTIVE, ListActiveJobs(node=self._node, after_id=after))
            found += [job for job in page.items if shares_of(job.view, self._node)]
            after = page.items[-1].view.id if page.items else None
            more = page.more
        return found

    async def _still_held(self, run_ids: list[str]) -> set[str]:
        """Of runs that the list of jobs had not: those that hold their place here all the same.

        A list is put together while jobs change; what nobody gets back is done only on the word about the job itself.
        """
        runs = self._executor.runs
        views = await views_of(self._bus, [runs[id].record.job_id for id in run_ids if id in runs])
        held = {id for view in views if (id := self._held(view)) is not None}.intersection(run_ids)
        if held:
            log.info("runs_not_listed", run_ids=sorted(held))
        return held

    async def _clear(self, remnants: Mapping[str, Sequence[str]]) -> None:
        """End what is left of attempts that are over. Of a job that nobody knows it may be another platform's."""
        by_job: dict[str, list[str]] = {}
        for id in remnants:
            by_job.setdefault(id.partition(".")[0], []).append(id)
        clear = self._executor.remnants.clear
        unwanted = [
            (id, view.vc)
            for view in await views_of(self._bus, by_job)
            for id in by_job[view.id]
            if id != self._held(view)
        ]
        await asyncio.gather(*(self._alone(id, clear(id, vc, remnants[id])) for id, vc in unwanted))

    def _held(self, view: JobView) -> str | None:
        """The run that the job holds its place here for."""
        holding = view.state.status in HOLDING and shares_of(view, self._node)
        return run_id(view.id, view.state.attempt) if holding else None

    async def _launch(self, job: ActiveJob) -> None:
        if job.launch is None:
            return
        assignment = Assignment(view=job.view, shares=shares_of(job.view, self._node), launch=job.launch)
        if assignment.run_id in self._executor.runs:
            await self._executor.launch_again(assignment)
        else:
            await self._executor.launch([assignment])

    async def _stop(self, run_id: str, job: ActiveJob | None) -> None:
        if job is not None:
            await self._executor.stop(self._placed(job))
        elif run_id in self._executor.runs:
            log.warning("run_unwanted", run_id=run_id)
            await self._executor.stop_run(run_id)

    def _placed(self, job: ActiveJob) -> Placed:
        return Placed(view=job.view, shares=shares_of(job.view, self._node))
