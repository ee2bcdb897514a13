"""Counts attempts that are over, each once, and says what jobs and people have used.

Replicas count side by side: what another has changed meanwhile is read and counted again.
"""

from collections.abc import Callable, Sequence
from datetime import date

from services.metrics.domain.attempt import Attempt
from services.metrics.domain.ledger import posting
from services.metrics.domain.totals import Totals, usage_of
from services.metrics.store import LedgerStore
from shared.contracts.errors import FieldError, Invalid, Unavailable
from shared.contracts.metrics import AskSummaries, AskUsage, JobUsage, Sample, Summaries, UsagePage
from shared.store.port import Swap

TRIES = 20
ROWS = 750
"""On a page; with the longest names they take less than 400 kB."""
SUMMARIES_BYTES = 400_000

Living = Callable[[str], Sequence[Sample]]
"""The last sample of each rank of a job, while it runs."""


class Accounts:
    """The one writer of the ledger."""

    def __init__(self, store: LedgerStore, living: Living) -> None:
        self._store = store
        self._living = living

    async def count(self, attempts: Sequence[Attempt]) -> None:
        """Add these to their jobs and days, all in one commit. Raises Unavailable."""
        for _ in range(TRIES):
            if await self._counted(attempts):
                return
        raise Unavailable("What was used changes too often just now. Try again in a moment.")

    async def _counted(self, attempts: Sequence[Attempt]) -> bool:
        """False: somebody else has changed one of the documents meanwhile."""
        entries = self._store.entries
        known = await entries.get_many([attempt.job_id for attempt in attempts])
        new = posting(attempts, known)
        if not new.attempts:
            return True
        known |= await entries.get_many(list(new.rows))
        missing = [entry for entry in new.empty if entry.id not in known]
        if missing:
            await entries.insert_many(missing)
            known |= {entry.id: entry for entry in missing}
        before = [known[entry.id] for entry in new.empty]
        return await entries.transaction([Swap(new.counted(entry), entry.version) for entry in before])

    async def summaries(self, ask: AskSummaries) -> Summaries:
        """What each of these jobs has used, as far as it has run; those that find no room are left."""
        found = await self._store.jobs(ask.job_ids)
        items: list[JobUsage] = []
        size = 0
        for number, id in enumerate(ask.job_ids):
            living = self._living(id)
            if id not in found and not living:
                continue
            usage = usage_of(id, found[id].totals if id in found else Totals(), living)
            size += len(usage.model_dump_json()) + 1
            if items and size > SUMMARIES_BYTES:
                return Summaries(items=tuple(items), left=ask.job_ids[number:])
            items.append(usage)
        return Summaries(items=tuple(items))

    async def usage(self, ask: AskUsage) -> UsagePage:
        """A page of the rows. Raises Invalid."""
        if ask.first > ask.last or ask.last == date.max:
            message = "must not be after last, which is at most 9999-12-30"
            raise Invalid(f"first: {message}.", (FieldError(field="first", message=message),))
        if ask.vcs is not None and not ask.vcs:
            return UsagePage(rows=())
        rows, after = await self._store.rows(ask.first, ask.last, ask.vcs, ask.owner, ask.after, ROWS)
        return UsagePage(rows=tuple(rows), after=after)
