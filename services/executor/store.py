"""The executor's own documents, on this machine's disk: one record per run, and who began the end of one of several
ranks.
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from services.executor.domain.gang import Verdict
from services.executor.domain.record import RunRecord
from shared.store.port import Collection, Document, DuplicateKey, Schema, Store

_PAGE = 500

RUNS: Schema[RunRecord] = Schema(
    name="runs",
    dump=lambda record: record.model_dump_json().encode(),
    load=RunRecord.model_validate_json,
)


VERDICTS: Schema[Verdict] = Schema(
    name="verdicts",
    dump=lambda verdict: verdict.model_dump_json().encode(),
    load=Verdict.model_validate_json,
)

D = TypeVar("D", bound=Document)


class RunStore:
    """Records of runs. Its methods raise StoreUnavailable."""

    def __init__(self, store: Store) -> None:
        self._runs = store.collection(RUNS)
        self._verdicts = store.collection(VERDICTS)

    async def create(self, records: Sequence[RunRecord]) -> list[RunRecord]:
        """Store those that are new, in one commit, and return them; the others have been here before."""
        outcomes = await self._runs.insert_many(records)
        return [
            record for record, refused in zip(records, outcomes, strict=True) if not isinstance(refused, DuplicateKey)
        ]

    async def everything(self) -> list[RunRecord]:
        """All records."""
        return await _all(self._runs)

    async def rule(self, verdict: Verdict) -> Verdict:
        """Store this verdict; the one that counts, which is the first that was stored."""
        [refused] = await self._verdicts.insert_many([verdict])
        known = await self._verdicts.get(verdict.id) if isinstance(refused, DuplicateKey) else None
        return known or verdict

    async def verdicts(self) -> dict[str, Verdict]:
        """All verdicts, by their runs."""
        return {verdict.id: verdict for verdict in await _all(self._verdicts)}

    async def delete(self, run_ids: Iterable[str]) -> None:
        for run_id in run_ids:
            await self._runs.delete(run_id)

    async def delete_verdicts(self, run_ids: Iterable[str]) -> None:
        for run_id in run_ids:
            await self._verdicts.delete(run_id)


async def _all(collection: Collection[D]) -> list[D]:
    page = await collection.find(limit=_PAGE)
    found = list(page.items)
    while page.after is not None:
        page = await collection.find(after=page.after, limit=_PAGE)
        found += page.items
    return found
