"""Starts runs, each with all of its ranks or not at all, or says in its record why it does not.

The record comes before anything is spawned, so that a launch happens once however often it is asked for. It does not
happen halfway either: whoever dies between two ranks is followed by one who launches all of them again, and a backend
starts each only once.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import structlog

from services.executor.backends.protocol import Backend, RunOrder
from services.executor.domain.admission import Capacity, Usage, admit, claims_of
from services.executor.domain.environment import CHECKPOINT_DIR
from services.executor.domain.record import Kind, RunRecord, rank_of, record_of
from services.executor.known import KnownRuns
from services.executor.meeting import meeting_port
from services.executor.placed import Assignment, Placed
from services.executor.prepare import Preparation, Unfit
from services.executor.revealing import Revealing
from services.executor.run import Run
from services.executor.secrets import Secrets, needs_secrets
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
        self._secrets = secrets
        self._capacities = capacities
        self._clock = clock
        self._boot_id = boot_id
        self._report = report
        self._revealing = Revealing(secrets, lambda item: self._launch([item]), self._refuse)

    async def launch(self, assignments: Iterable[Assignment]) -> None:
        """Start those that were never here; refuse what does not fit. Raises StoreUnavailable.

        Those with secrets start when their values have come; nobody else waits for that.
        """
        ready = []
        for item in assignments:
            if needs_secrets(item) and not self._known.knows(item.run_id):
                self._revealing.begin(item)
            else:
                ready.append(item)
        await self._launch(ready)

    async def again(self, run: Run, assignment: Assignment) -> bool:
        """A launch that left no trace of a start: ask the backend once more, within the same attempt.

        False if it cannot start any more, here or ever.
        """
        run.since = self._clock.monotonic()
        try:
            assignment = replace(await self._secrets.revealed(assignment), port=run.record.port)
            orders = await asyncio.to_thread(self._preparation.orders, assignment)
        except TemporaryError as error:
            log.warning("launch_delayed", run_id=run.record.id, reason=str(error))
            return True
        except Unfit as unfit:
            log.warning("launch_delayed", run_id=run.record.id, reason=unfit.reason.message)
            return unfit.busy
        log.info("launch_repeated", run_id=run.record.id)
        await self._backend.launch(orders)
        return True

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
        """Wait for no secrets any more; the tasks that are ended with that."""
        return self._revealing.cancel()

    async def _refuse(self, assignment: Assignment, reason: Reason) -> None:
        async with self._known.changing:
            await self.bury(assignment, "refused", reason)

    async def _launch(self, assignments: Iterable[Assignment]) -> None:
        async with self._known.changing:
            fresh = {item.run_id: item for item in assignments if not self._known.knows(item.run_id)}
            if fresh:
                await self._launch_fresh(list(fresh.values()))

    async def _launch_fresh(self, assignments: list[Assignment]) -> None:
        traces = {item.run_id: item.trace for item in assignments}
        records, orders = await self._decide(assignments)
        accepted = set()
        for run in await self._known.create(records):
            accepted.add(run.record.id)
            run.trace = traces[run.record.id]
            self._report(run)
            log.info("run_accepted" if run.record.kind == "run" else "run_refused", run_id=run.record.id)
        await self._backend.launch([order for order in orders if rank_of(order.run_id)[0] in accepted])

    async def _decide(self, assignments: list[Assignment]) -> tuple[list[RunRecord], list[RunOrder]]:
        """A record for each assignment, and orders for the ranks of those that can start."""
        lives = (run.record for run in self._known.runs.values() if run.lives)
        planned = Usage(claim for record in lives for claim in record.claims)
        records: list[RunRecord] = []
        fitting = []
        for item in assignments:
            view = item.view
            claims = claims_of(view.device_type, item.shares, view.cpus, view.memory_mib)
            reason = admit(claims, self._capacities, planned)
            if reason is not None:
                records.append(self._record(item, "refused", busy=True, reason=reason))
            else:
                fitting.append(item)
        orders: list[RunOrder] = []
        taken = {run.record.port for run in self._known.runs.values() if run.lives}
        for item, made in await asyncio.to_thread(self._prepare, fitting, taken):
            if isinstance(made, Unfit):
                records.append(self._record(item, "refused", busy=made.busy, own=made.own, reason=made.reason))
            else:
                checkpoints = made[0].env[CHECKPOINT_DIR]
                beside = str(made[0].folders.job) if self._backend.reports_beside_job else None
                kept = {"checkpoint_path": checkpoints, "reports_beside": beside}
                records.append(self._record(item, "run", port=item.port, **kept))
                orders += made
        return records, orders

    def _prepare(
        self, assignments: list[Assignment], taken: set[int]
    ) -> list[tuple[Assignment, list[RunOrder] | Unfit]]:
        """Each with its orders, or with why there are none. `taken`: the ports where other runs meet."""
        made: list[tuple[Assignment, list[RunOrder] | Unfit]] = []
        for item in assignments:
            port = meeting_port(item.run_id, len(item.shares), taken)
            taken.add(port)
            placed = replace(item, port=port)
            try:
                made.append((placed, self._preparation.orders(placed)))
            except Unfit as unfit:
                made.append((placed, unfit))
        return made

    def _record(self, item: Placed, kind: Kind, **decided: Any) -> RunRecord:
        return record_of(item.view, item.shares, kind, self._boot_id, self._clock.now(), item.correlation_id, **decided)
