"""The executor itself: what runs on this node, and the four things that can be done about it.

Every method may be repeated. The record in the store comes before anything is spawned, so that a launch happens once
however often it is asked for; the backend's files say what became of it, so that a kill of this process loses nothing.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Sequence

import structlog

from services.executor.backends.protocol import Backend, RunOrder
from services.executor.domain.admission import Capacity, Usage, claim_of, objection
from services.executor.domain.environment import CHECKPOINT_DIR
from services.executor.domain.observation import Observation
from services.executor.domain.record import Kind, RunRecord, judged, run_id
from services.executor.outputs import Outputs
from services.executor.prepare import Assignment, Preparation, Unfit
from services.executor.reporter import Reporter
from services.executor.run import Run
from services.executor.secrets import Secrets
from services.executor.store import RunStore
from services.executor.usage.sampler import Sampler
from shared.clock import Clock
from shared.contracts.errors import TemporaryError
from shared.contracts.job import JobView, Reason, Share

log = structlog.get_logger()

REMEMBER_S = 600.0
"""A record outlives its job's interest so long: a late repetition of JobScheduled still finds it.

So does the backend's word on the run, without which the next executor process would take it for one not yet started.
"""


class Executor:
    """The runs of one node."""

    def __init__(
        self,
        store: RunStore,
        backend: Backend,
        reporter: Reporter,
        outputs: Outputs,
        sampler: Sampler,
        preparation: Preparation,
        secrets: Secrets,
        capacity: Capacity,
        clock: Clock,
        boot_id: str,
    ) -> None:
        self._store = store
        self._backend = backend
        self._reporter = reporter
        self._outputs = outputs
        self._sampler = sampler
        self._preparation = preparation
        self._secrets = secrets
        self._capacity = capacity
        self._clock = clock
        self._boot_id = boot_id
        self._over: dict[str, float] = {}
        self._revealing: dict[str, asyncio.Task[None]] = {}
        self._changing = asyncio.Lock()
        self.runs: dict[str, Run] = {}

    async def start(self) -> None:
        """Find again what an earlier process left. The runs that live are reported from now on."""
        for record in await self._store.everything():
            if record.id not in self.runs:
                self._track(record)
        await self._sampler.open(self.runs)
        await self.observe(list(self.runs))
        for run in self.runs.values():
            if run.lives:
                self.report(run)
        if self.runs:
            log.info("runs_found", runs=len(self.runs), alive=sum(run.lives for run in self.runs.values()))

    async def stop_reporting(self) -> None:
        """Let go; the runs live on."""
        reporters = [run.reporter for run in self.runs.values() if run.reporter is not None]
        tasks = [*reporters, *self._revealing.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def changed(self, run_id: str, seen: Observation) -> None:
        """The backend has news of a run."""
        run = self.runs.get(run_id)
        if run is None:
            return
        run.advance(judged(run.record, seen, self._boot_id))

    async def observe(self, run_ids: Sequence[str]) -> None:
        """Look at these runs anew."""
        for id, seen in (await self._backend.observe(run_ids)).items():
            self.changed(id, seen)

    def report(self, run: Run) -> None:
        """Say what becomes of the run, unless that is being done."""
        if run.reporter is None or run.reporter.done():
            run.reporter = asyncio.get_running_loop().create_task(self._reporter.report(run), name=run.record.id)
            run.reporter.add_done_callback(_logged)

    async def launch(self, assignments: Iterable[Assignment]) -> None:
        """Start those that were never here; refuse what does not fit. Raises StoreUnavailable.

        Those with secrets start when their values have come; nobody else waits for that.
        """
        ready = []
        for item in assignments:
            if item.launch.secrets:
                self._reveal(item)
            else:
                ready.append(item)
        await self._launch(ready)

    async def launch_again(self, assignment: Assignment) -> None:
        """A launch that left no trace of a start: ask the backend once more, within the same attempt."""
        run = self.runs[assignment.run_id]
        run.since = self._clock.monotonic()
        try:
            assignment = await self._secrets.revealed(assignment)
            order = await asyncio.to_thread(self._preparation.order, assignment)
        except TemporaryError as error:
            log.warning("launch_delayed", run_id=run.record.id, reason=str(error))
            return
        except Unfit as unfit:
            log.warning("launch_delayed", run_id=run.record.id, reason=unfit.reason.message)
            if not unfit.busy:  # it never starts: the job is placed anew, and then refused with this reason
                await self._backend.stop(run.record.id)
            return
        log.info("launch_repeated", run_id=run.record.id)
        await self._backend.launch([order])

    async def stop(self, view: JobView, share: Share, correlation_id: str | None = None) -> None:
        """End the run with its grace period; one that never came here never will. Raises StoreUnavailable."""
        id = run_id(view.id, view.state.attempt)
        async with self._changing:
            if not self.knows(id):
                await self._bury(view, share, "stopped", correlation_id)
                return
        if id in self.runs:
            await self.stop_run(id)

    async def stop_run(self, run_id: str) -> None:
        """End a run of this node with its grace period."""
        run = self.runs.get(run_id)  # none: it was forgotten meanwhile
        if run is not None and run.lives:
            log.info("run_stopping", run_id=run_id)
            await self._backend.stop(run_id)

    async def lose(self, view: JobView, share: Share) -> None:
        """The platform knows of a run here that has left no record: say that it is lost."""
        reason = Reason(code="record_lost", message="The node has no record of the run, which may have been deleted.")
        async with self._changing:
            if not self.knows(run_id(view.id, view.state.attempt)):
                await self._bury(view, share, "lost", None, reason)

    async def over(self, attempts: Iterable[tuple[str, int]]) -> None:
        """The platform is done with these jobs' attempts up to the given ones: (job id, attempt)."""
        last = dict(attempts)
        done = [run for run in self.runs.values() if run.record.attempt <= last.get(run.record.job_id, -1)]
        for run in done:
            if run.lives:  # nobody waits for it any more
                await self.stop_run(run.record.id)
        await self.forget([run.record.id for run in done if not run.lives])

    async def forget(self, run_ids: Sequence[str]) -> None:
        """Let go of runs that are over; their output is kept, and for a while their record and what became of them."""
        for id in run_ids:
            run = self.runs.get(id)
            if run is not None and run.reporter is not None and not run.reporter.done():
                run.reporter.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await run.reporter
        await self._outputs.keep(run_ids)
        await self._sampler.forget(run_ids)
        for id in run_ids:
            self.runs.pop(id, None)
            self._over[id] = self._clock.monotonic()

    async def expire(self) -> None:
        """Remove all that is left of runs that have been over for long enough."""
        before = self._clock.monotonic() - REMEMBER_S
        old = [id for id, since in self._over.items() if since < before]
        await self._store.delete(old)
        await self._backend.forget(old)
        for id in old:
            del self._over[id]

    def knows(self, run_id: str) -> bool:
        """Whether the run has been here, as far as that is remembered."""
        return run_id in self.runs or run_id in self._over

    def vc_of(self, run_id: str) -> str | None:
        """The virtual cluster of a run that is here."""
        run = self.runs.get(run_id)
        return run.record.vc if run is not None else None

    def _track(self, record: RunRecord) -> Run:
        run = Run(record, since=self._clock.monotonic())
        self.runs[record.id] = run
        if record.kind != "run":
            run.advance(judged(record, run.seen, self._boot_id))
        return run

    async def _launch(self, assignments: Iterable[Assignment]) -> None:
        async with self._changing:
            fresh = {item.run_id: item for item in assignments if not self.knows(item.run_id)}
            if fresh:
                await self._launch_fresh(list(fresh.values()))

    def _reveal(self, assignment: Assignment) -> None:
        id = assignment.run_id
        if id not in self._revealing and not self.knows(id):
            task = asyncio.get_running_loop().create_task(self._launch_revealed(assignment), name=id)
            self._revealing[id] = task
            task.add_done_callback(lambda _: self._revealing.pop(id, None))
            task.add_done_callback(_logged)

    async def _launch_revealed(self, assignment: Assignment) -> None:
        """Start a run with its secrets, or refuse it for one that is gone; later, when the gateway is away."""
        try:
            await self._launch([await self._secrets.revealed(assignment)])
        except Unfit as unfit:
            async with self._changing:
                if not self.knows(assignment.run_id):
                    await self._bury(
                        assignment.view, assignment.share, "refused", assignment.correlation_id, unfit.reason
                    )
        except TemporaryError as error:  # the reconcile loop asks for it again
            log.warning("launch_delayed", run_id=assignment.run_id, reason=str(error))

    async def _launch_fresh(self, assignments: list[Assignment]) -> None:
        traces = {item.run_id: item.trace for item in assignments}
        records, orders = await self._decide(assignments)
        created = await self._store.create(records)
        for record in created:
            run = self._track(record)
            run.trace = traces[record.id]
            self.report(run)
            log.info("run_accepted" if record.kind == "run" else "run_refused", run_id=record.id)
        accepted = {record.id for record in created}
        await self._backend.launch([order for order in orders if order.run_id in accepted])

    async def _decide(self, assignments: list[Assignment]) -> tuple[list[RunRecord], list[RunOrder]]:
        """A record for each assignment, and an order for those that can start."""
        planned = Usage(run.record.claim for run in self.runs.values() if run.lives)
        records: dict[str, RunRecord] = {}
        fitting = []
        for item in assignments:
            claim = claim_of(item.view, item.share)
            reason = objection(claim, self._capacity, planned)
            if reason is not None:
                records[item.run_id] = self._record(item, "refused", busy=True, reason=reason)
                continue
            planned.add(claim)
            fitting.append(item)
        orders = []
        for item, made in zip(fitting, await asyncio.to_thread(self._prepare, fitting), strict=True):
            if isinstance(made, Unfit):
                records[item.run_id] = self._record(item, "refused", busy=made.busy, reason=made.reason)
            else:
                records[item.run_id] = self._record(item, "run", checkpoint_path=made.env[CHECKPOINT_DIR])
                orders.append(made)
        return list(records.values()), orders

    def _prepare(self, assignments: list[Assignment]) -> list[RunOrder | Unfit]:
        made: list[RunOrder | Unfit] = []
        for item in assignments:
            try:
                made.append(self._preparation.order(item))
            except Unfit as unfit:
                made.append(unfit)
        return made

    async def _bury(
        self, view: JobView, share: Share, kind: Kind, correlation_id: str | None, reason: Reason | None = None
    ) -> None:
        """Leave a tombstone, which no launch passes, and report it."""
        record = self._record_of(view, share, kind, correlation_id, reason=reason)
        for created in await self._store.create([record]):
            log.info("run_buried", run_id=created.id, kind=kind)
            self.report(self._track(created))

    def _record(
        self,
        item: Assignment,
        kind: Kind,
        busy: bool = False,
        reason: Reason | None = None,
        checkpoint_path: str | None = None,
    ) -> RunRecord:
        record = self._record_of(item.view, item.share, kind, item.correlation_id, busy, reason)
        return record.model_copy(update={"checkpoint_path": checkpoint_path})

    def _record_of(
        self,
        view: JobView,
        share: Share,
        kind: Kind,
        correlation_id: str | None,
        busy: bool = False,
        reason: Reason | None = None,
    ) -> RunRecord:
        return RunRecord(
            id=run_id(view.id, view.state.attempt),
            kind=kind,
            job_id=view.id,
            attempt=view.state.attempt,
            vc=view.vc,
            owner=view.owner,
            rank=share.rank,
            boot_id=self._boot_id,
            device_type=view.device_type,
            devices=share.devices,
            cpus=view.cpus,
            memory_mib=view.memory_mib,
            first_seq=view.state.log_lines + 1,
            created_at=self._clock.now(),
            correlation_id=correlation_id,
            busy=busy,
            reason=reason,
        )


def _logged(task: "asyncio.Task[None]") -> None:
    """What could not be reported, or started, is tried again by the reconcile loop."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("run_task_failed", task=task.get_name(), exc_info=error)
