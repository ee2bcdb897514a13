"""Starts runs, each with all of its ranks or not at all, or says in its record why it does not.

The record comes before anything is spawned, so that a launch happens once however often it is asked for. It does not
happen halfway either: whoever dies between two ranks is followed by one who launches all of them again, and a backend
starts each only once.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import structlog

from services.executor.backends.protocol import Backend, RunOrder
from services.executor.domain.admission import Capacity, Usage, admit, claims_of
from services.executor.domain.record import Kind, RunRecord, rank_of, record_of
from services.executor.known import KnownRuns
from services.executor.meeting import meeting_port
from services.executor.placed import Assignment, Placed
from services.executor.prepare import Preparation, Unfit
from services.executor.preparing import Prepared, Preparing
from services.executor.run import Run
from services.executor.secrets import Secrets
from shared.clock import Clock
from shared.contracts.errors import TemporaryError
from shared.contracts.job import Reason

log = structlog.get_logger()

Report = Callable[[Run], None]
"""Says what becomes of a run."""


class Launching:
    """Of one executor's runs. `capacities`: what the nodes have, by their names, as far as that is known."""

    def __init__(
        self,
        known: KnownRuns,
        backend: Backend,
        preparation: Preparation,
        secrets: Secrets,
        capacities: Mapping[str, Capacity],
        clock: Clock,
        boot_id: str,
        report: Report,
    ) -> None:
        self._known = known
        self._backend = backend
        self._preparation = preparation
        self._capacities = capacities
        self._clock = clock
        self._boot_id = boot_id
        self._report = report
        self._preparing = Preparing(secrets, preparation, self._launch)

    async def launch(self, assignments: Iterable[Assignment]) -> None:
        """Start those that were never here; refuse what does not fit. Raises StoreUnavailable.

        Those that have to wait for their secrets or folders start when these have come.
        """
        await self._launch(
            await self._preparing.prompt(item for item in assignments if not self._known.knows(item.run_id))
        )

    async def again(self, run: Run, assignment: Assignment) -> bool:
        """A launch that left no trace of a start: ask the backend once more, within the same attempt.

        False if it cannot start any more, here or ever.
        """
        run.since = self._clock.monotonic()
        try:
            prepared = await self._preparing.now(replace(assignment, port=run.record.port))
        except TemporaryError as error:
            log.warning("launch_delayed", run_id=run.record.id, reason=str(error))
            return True
        if isinstance(prepared.outcome, Unfit):
            log.warning("launch_delayed", run_id=run.record.id, reason=prepared.outcome.reason.message)
            return prepared.outcome.busy
        if run.lives:  # still, after the wait for its folders
            log.info("launch_repeated", run_id=run.record.id)
            await self._backend.launch(self._preparation.orders(prepared.assignment, prepared.outcome))
        return True

    async def over(self, last: Mapping[str, int]) -> None:
        """Start none any more of these jobs' attempts up to the given ones. Raises StoreUnavailable."""
        for item in list(self._preparing.under_way.values()):
            if item.view.state.attempt <= last.get(item.view.id, -1):
                async with self._known.changing:
                    await self.bury(item, "stopped")

    async def bury(self, item: Placed, kind: Kind, reason: Reason | None = None) -> None:
        """Leave a tombstone, which no launch passes, and report it, unless the run has been here.

        `known.changing` is held by the caller. Raises StoreUnavailable.
        """
        if self._known.knows(item.run_id):
            return
        for run in await self._known.create([self._record(item, kind, reason=reason)]):
            log.info("run_buried", run_id=run.record.id, kind=kind)
            self._report(run)

    def cancel(self) -> list["asyncio.Task[None]"]:
        """Prepare no run any more; the tasks that are ended with that."""
        return self._preparing.cancel()

    async def _launch(self, prepared: Sequence[Prepared]) -> None:
        """Whoever was stopped while it was prepared has its tombstone by now, and starts nothing."""
        async with self._known.changing:
            fresh = {one.assignment.run_id: one for one in prepared if not self._known.knows(one.assignment.run_id)}
            if fresh:
                await self._launch_fresh(list(fresh.values()))

    async def _launch_fresh(self, prepared: list[Prepared]) -> None:
        traces = {one.assignment.run_id: one.assignment.trace for one in prepared}
        records, orders = self._decide(prepared)
        accepted = set()
        for run in await self._known.create(records):
            accepted.add(run.record.id)
            run.trace = traces[run.record.id]
            self._report(run)
            log.info("run_accepted" if run.record.kind == "run" else "run_refused", run_id=run.record.id)
        await self._backend.launch([order for order in orders if rank_of(order.run_id)[0] in accepted])

    def _decide(self, prepared: list[Prepared]) -> tuple[list[RunRecord], list[RunOrder]]:
        """A record for each run, and orders for the ranks of those that can start."""
        living = [run.record for run in self._known.runs.values() if run.lives]
        planned = Usage(claim for record in living for claim in record.claims)
        taken = {record.port for record in living}
        records: list[RunRecord] = []
        orders: list[RunOrder] = []
        for one in prepared:
            item, outcome = one.assignment, one.outcome
            if isinstance(outcome, Unfit):
                why = {"busy": outcome.busy, "own": outcome.own, "reason": outcome.reason}
                records.append(self._record(item, "refused", **why))
                continue
            view = item.view
            claims = claims_of(view.device_type, item.shares, view.cpus, view.memory_mib)
            reason = admit(claims, self._capacities, planned)
            if reason is not None:
                records.append(self._record(item, "refused", busy=True, reason=reason))
                continue
            port = meeting_port(item.run_id, len(item.shares), taken)
            taken.add(port)
            beside = str(outcome.job) if self._backend.reports_beside_job else None
            kept = {"port": port, "checkpoint_path": str(outcome.checkpoints), "reports_beside": beside}
            records.append(self._record(item, "run", **kept))
            orders += self._preparation.orders(replace(item, port=port), outcome)
        return records, orders

    def _record(self, item: Placed, kind: Kind, **decided: Any) -> RunRecord:
        return record_of(item.view, item.shares, kind, self._boot_id, self._clock.now(), item.correlation_id, **decided)
