"""The executor itself: the runs that are here, and the four things that can be done about them.

Every method may be repeated. The record in the store comes before anything is spawned, so that a launch happens once
however often it is asked for; the backend's files say what became of it, so that a kill of this process loses nothing.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence

import structlog

from services.executor.backends.protocol import Backend
from services.executor.domain.admission import Capacity
from services.executor.domain.observation import Observation, Waiting
from services.executor.domain.pulling import waiting_of
from services.executor.domain.record import Kind, judged, rank_of
from services.executor.gangs import Gangs
from services.executor.known import KnownRuns
from services.executor.launching import Launching
from services.executor.outputs import Outputs
from services.executor.placed import Assignment, Placed
from services.executor.prepare import Preparation
from services.executor.reporter import Reporter
from services.executor.run import Run
from services.executor.secrets import Secrets
from services.executor.store import RunStore
from services.executor.tasks import logged
from services.executor.usage.sampler import Sampler
from shared.clock import Clock
from shared.contracts.errors import Conflict
from shared.contracts.job import Reason

log = structlog.get_logger()


class Executor:
    """The runs of one node, or of all nodes for which this process answers."""

    def __init__(
        self,
        store: RunStore,
        backend: Backend,
        reporter: Reporter,
        outputs: Outputs,
        sampler: Sampler,
        preparation: Preparation,
        secrets: Secrets,
        capacities: Mapping[str, Capacity],
        clock: Clock,
        boot_id: str,
    ) -> None:
        self._backend = backend
        self._reporter = reporter
        self._outputs = outputs
        self._sampler = sampler
        self._boot_id = boot_id
        self._known = KnownRuns(store, clock, boot_id)
        self._gangs = Gangs(store, backend, self._look)
        self._launching = Launching(self._known, backend, preparation, secrets, capacities, clock, boot_id, self.report)

    @property
    def runs(self) -> dict[str, Run]:
        """By run id, those that are not forgotten."""
        return self._known.runs

    async def start(self) -> None:
        """Find again what an earlier process left. The runs that live are reported from now on."""
        await self._known.load()
        runs = list(self.runs.values())
        await self._sampler.open([id for run in runs for id in run.record.ranks])
        await self._look(runs)
        for run in runs:
            if run.lives:
                self.report(run)
        if runs:
            log.info("runs_found", runs=len(runs), alive=sum(run.lives for run in runs))

    async def stop_reporting(self) -> None:
        """Let go; the runs live on."""
        reporters = [run.reporter for run in self.runs.values() if run.reporter is not None]
        for task in reporters:
            task.cancel()
        await asyncio.gather(*reporters, *self._launching.cancel(), *self._gangs.cancel(), return_exceptions=True)

    def changed(self, rank_id: str, seen: Observation) -> None:
        """The backend has news of a rank."""
        run = self._known.of_rank(rank_id)
        if run is None:
            return
        run.advance(rank_id, judged(run.record, seen, self._boot_id))
        if run.is_ending:
            self._gangs.settle(run)

    async def observe(self, run_ids: Sequence[str]) -> None:
        """Look at these runs anew."""
        await self._look([self.runs[id] for id in run_ids if id in self.runs])

    async def pulls(self, run_ids: Iterable[str]) -> dict[str, Reason]:
        """What those of these runs wait for that have not started, as far as their backend knows it."""
        runs = [self.runs[id] for id in run_ids if id in self.runs and isinstance(self.runs[id].seen, Waiting)]
        found = await self._backend.pulls([rank for run in runs for rank in run.living])
        return {run.record.id: reason for run in runs if (reason := waiting_of(run.record, found)) is not None}

    def report(self, run: Run) -> None:
        """Say what becomes of the run, unless that is being done."""
        if run.reporter is None or run.reporter.done():
            run.reporter = asyncio.get_running_loop().create_task(self._reporter.report(run), name=run.record.id)
            run.reporter.add_done_callback(logged)

    async def launch(self, assignments: Iterable[Assignment]) -> None:
        """Start those that were never here; refuse what does not fit. Raises StoreUnavailable."""
        await self._launching.launch(assignments)

    async def launch_again(self, assignment: Assignment) -> None:
        """A launch that left no trace of a start, or not of every rank's, is asked for once more."""
        run = self.runs[assignment.run_id]
        if not await self._launching.again(run, assignment):
            # it never starts: the job is placed anew, and then refused with this reason
            await self.stop_run(run.record.id)

    async def stop(self, placed: Placed) -> None:
        """End the run with its grace period; one that never came here never will.

        Raises StoreUnavailable, OSError.
        """
        if not self.knows(placed.run_id):
            await self._bury(placed, "stopped")
        await self.stop_run(placed.run_id)

    async def stop_run(self, run_id: str) -> None:
        """End a run that is here with its grace period. Raises OSError, once every rank was told that can be."""
        run = self.runs.get(run_id)  # none: it was forgotten meanwhile
        if run is not None and run.lives:
            log.info("run_stopping", run_id=run_id)
            await self._gangs.stop(run)

    async def force(self, run_id: str, actor: str) -> tuple[str, ...]:
        """Give up what of a run is on nodes that will not come back, says `actor`; which nodes these are.

        The ranks that are elsewhere end as with any rank that is lost. Raises Conflict, Unavailable.
        """
        run = self.runs.get(run_id)
        if run is None or not run.lives:
            raise Conflict("The executor has no such run that lives.", details={"code": "run_not_running"})
        words = f"{actor}, an operator, said that the run's node does not come back, and gave the run up."
        reason = Reason(code="run_forced", message=words, details={"actor": actor})
        forced = await self._backend.force(run.living, reason)
        log.warning("run_forced", run_id=run_id, ranks=len(forced), actor=actor)
        ranks = {rank_of(id)[1] for id in forced}
        return tuple(sorted({share.node for share in run.record.shares if share.rank in ranks}))

    async def lose(self, placed: Placed) -> None:
        """The platform knows of a run here that has left no record: say that it is lost."""
        message = "The node has no record of the run, which may have been deleted."
        await self._bury(placed, "lost", Reason(code="record_lost", message=message))

    async def over(self, attempts: Iterable[tuple[str, int]]) -> None:
        """The platform is done with these jobs' attempts up to the given ones: (job id, attempt)."""
        last = dict(attempts)
        await self._launching.over(last)
        done = [run for run in self.runs.values() if run.record.attempt <= last.get(run.record.job_id, -1)]
        for run in done:
            if run.lives:  # nobody waits for it any more
                await self.stop_run(run.record.id)
        await self.forget([run.record.id for run in done if not run.lives])

    async def forget(self, run_ids: Sequence[str]) -> None:
        """Let go of runs that are over; their output is kept, and for a while their record and what became of them."""
        runs = [self.runs[id] for id in run_ids if id in self.runs]
        for run in runs:
            if run.reporter is not None and not run.reporter.done():
                run.reporter.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await run.reporter
        ranks = [id for run in runs for id in run.record.ranks]
        await self._outputs.keep(ranks)
        await self._sampler.forget(ranks)
        for run in runs:
            self._known.forget(run.record.id)

    async def expire(self) -> None:
        """Remove all that is left of runs that have been over for long enough.

        Raises StoreUnavailable, and OSError once all have gone that can.
        """
        old = self._known.expired()
        try:
            await self._expire(old)
        except OSError:
            for id, ranks in old.items():
                with contextlib.suppress(OSError):
                    await self._expire({id: ranks})
            raise

    def knows(self, run_id: str) -> bool:
        """Whether the run has been here, as far as that is remembered."""
        return self._known.knows(run_id)

    def vc_of(self, rank_id: str) -> str | None:
        """The virtual cluster of the run that is here and has this rank."""
        return self._known.vc_of(rank_id)

    async def _expire(self, runs: Mapping[str, tuple[str, ...]]) -> None:
        await self._backend.forget([rank for ranks in runs.values() for rank in ranks])
        await self._known.drop(runs.keys())

    async def _look(self, runs: Sequence[Run]) -> None:
        for id, seen in (await self._backend.observe([id for run in runs for id in run.record.ranks])).items():
            self.changed(id, seen)

    async def _bury(self, placed: Placed, kind: Kind, reason: Reason | None = None) -> None:
        async with self._known.changing:
            await self._launching.bury(placed, kind, reason)
