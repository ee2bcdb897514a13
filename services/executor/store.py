"""The executor's own documents, on this machine's disk: one record per run."""

from collections.abc import Iterable, Sequence

from services.executor.domain.record import RunRecord
from shared.store.port import DuplicateKey, Schema, Store

_PAGE = 500

RUNS: Schema[RunRecord] = Schema(
    name="runs",
    dump=lambda record: record.model_dump_json().encode(),
    load=RunRecord.model_validate_json,
)


class RunStore:
    """Records of runs. Its methods raise StoreUnavailable."""

    def __init__(self, store: Store) -> None:
        self._runs = store.collection(RUNS)

    async def create(self, records: Sequence[RunRecord]) -> list[RunRecord]:
        """Store those that are new, in one commit, and return them; the others have been here before."""
        outcomes = await self._runs.insert_many(records)
        return [
            record for record, refused in zip(records, outcomes, strict=True) if not isinstance(refused, DuplicateKey)
        ]

    async def everything(self) -> list[RunRecord]:
        """All records."""
        found: list[RunRecord] = []
        page = await self._runs.find(limit=_PAGE)
        found += page.items
        while page.after is not None:
            page = await self._runs.find(after=page.after, limit=_PAGE)
            found += page.items
        return found

    async def delete(self, run_ids: Iterable[str]) -> None:
        for run_id in run_ids:
            await self._runs.delete(run_id)
