"""The metrics service's documents, and its queries by what they mean."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated

from pydantic import Field, TypeAdapter

from services.metrics.domain.ledger import DAY, DayEntry, Entry, JobEntry
from shared.contracts.metrics import UsageRow
from shared.store.port import Between, Condition, Eq, In, Index, Page, Schema, Store

OWNED = Between("row.owner", low="")
IN_A_VC = Between("row.vc", low="")
"""The document is a day's: jobs are in neither index."""

ENTRY: TypeAdapter[Entry] = TypeAdapter(Annotated[Entry, Field(discriminator="kind")])

LEDGER: Schema[Entry] = Schema(
    name="ledger",
    dump=lambda entry: entry.model_dump_json().encode(),
    load=ENTRY.validate_json,
    indexes=(
        Index("owner_day", ("row.owner", "id"), only=OWNED),
        Index("vc_day", ("row.vc", "id"), only=IN_A_VC),
    ),
)


class LedgerStore:
    """What jobs and days have used."""

    def __init__(self, store: Store) -> None:
        self.entries = store.collection(LEDGER)

    async def jobs(self, ids: Sequence[str]) -> dict[str, JobEntry]:
        """Those of the jobs that have had an attempt, by id."""
        found = await self.entries.get_many(ids)
        return {id: entry for id, entry in found.items() if isinstance(entry, JobEntry) and entry.version}

    async def rows(
        self, first: date, last: date, vcs: Sequence[str] | None, owner: str | None, after: str | None, limit: int
    ) -> tuple[list[UsageRow], str | None]:
        """The rows of these days in order, and where the next page begins. `vcs`: only of these; `owner`: likewise."""
        where: list[Condition] = [Between("id", low=_begin(first), high=_begin(last + timedelta(days=1)))]
        if owner is not None:
            where += [OWNED, Eq("row.owner", owner)]
        if vcs is not None:
            where += [IN_A_VC, Eq("row.vc", vcs[0]) if len(vcs) == 1 else In("row.vc", tuple(vcs))]
        page: Page[Entry] = await self.entries.find(where, ("id",), (after,) if after else None, limit)
        rows = [entry.row for entry in page.items if isinstance(entry, DayEntry) and entry.version]
        return rows, page.items[-1].id if page.after is not None else None


def _begin(day: date) -> str:
    return f"{DAY}{day.isoformat()}"
