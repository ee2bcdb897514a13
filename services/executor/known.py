"""The runs that are known here: those that have a record, and for a while those that had one.

A record is stored before the run is known, and forgotten after it: whoever is known here starts nothing. It outlives
all else of the run, so that the next process finds what this one has not removed.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from services.executor.domain.gang import Verdict
from services.executor.domain.record import RunRecord, judged, rank_of
from services.executor.run import Run
from services.executor.store import RunStore
from shared.clock import Clock

REMEMBER_S = 600.0
"""A record outlives its job's interest so long: a late repetition of JobScheduled still finds it.

So does the backend's word on the run, without which the next executor process would take it for one not yet started.
"""


@dataclass(frozen=True)
class _Over:
    since: float
    ranks: tuple[str, ...]
    started: bool


class KnownRuns:
    """By run id. `changing` is held by whoever creates a record."""

    def __init__(self, store: RunStore, clock: Clock, boot_id: str) -> None:
        self._store = store
        self._clock = clock
        self._boot_id = boot_id
        self._over: dict[str, _Over] = {}
        self.changing = asyncio.Lock()
        self.runs: dict[str, Run] = {}

    async def load(self) -> None:
        """Find what an earlier process has left. Raises StoreUnavailable."""
        verdicts = await self._store.verdicts()
        for record in await self._store.everything():
            if record.id not in self.runs:
                self._track(record, verdicts.get(record.id))

    async def create(self, records: Sequence[RunRecord]) -> list[Run]:
        """Of these records the new ones, now that they are stored. Raises StoreUnavailable."""
        return [self._track(record) for record in await self._store.create(records)]

    def knows(self, run_id: str) -> bool:
        """Whether the run has been here, as far as that is remembered."""
        return run_id in self.runs or run_id in self._over

    def started(self, run_id: str) -> bool:
        """Whether it was started here, as far as that is remembered: a tombstone says that it was not."""
        if run_id in self.runs:
            return self.runs[run_id].record.kind == "run"
        return run_id in self._over and self._over[run_id].started

    def of_rank(self, rank_id: str) -> Run | None:
        """The run that this is a rank of."""
        return self.runs.get(rank_of(rank_id)[0])

    def vc_of(self, rank_id: str) -> str | None:
        """The virtual cluster of the run that this is a rank of."""
        run = self.of_rank(rank_id)
        return run.record.vc if run is not None else None

    def forget(self, run_id: str) -> None:
        """The run is over and nobody asks for it; that it was here is remembered."""
        run = self.runs.pop(run_id, None)
        if run is not None:
            self._over[run_id] = _Over(self._clock.monotonic(), run.record.ranks, run.record.kind == "run")

    def expired(self) -> dict[str, tuple[str, ...]]:
        """The names of the ranks of each run that has been over for long enough."""
        before = self._clock.monotonic() - REMEMBER_S
        return {id: over.ranks for id, over in self._over.items() if over.since < before}

    async def drop(self, run_ids: Collection[str]) -> None:
        """Delete the records of runs of which nothing else is left. Raises StoreUnavailable."""
        await self._store.delete_verdicts(id for id in run_ids if len(self._over[id].ranks) > 1)
        await self._store.delete(run_ids)
        for id in run_ids:
            del self._over[id]

    def _track(self, record: RunRecord, verdict: Verdict | None = None) -> Run:
        run = Run(record, verdict=verdict, since=self._clock.monotonic())
        self.runs[record.id] = run
        if record.kind != "run":
            for id, seen in run.ranks.items():
                run.advance(id, judged(record, seen, self._boot_id))
        return run
