"""The documents of what was used: a job's totals, and one day's row of one user, VC and type of device.

Both are kinds of one document, so that an attempt enters its job and its days in one transaction: whether a job's
totals name it says for the days too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from services.metrics.domain.attempt import Attempt
from services.metrics.domain.days import added, charges
from services.metrics.domain.totals import Totals, folded
from shared.contracts.base import Contract, JobId, Version
from shared.contracts.metrics import UsageRow


class JobEntry(Contract):
    """A job. Version 0 has no attempt yet."""

    kind: Literal["job"] = "job"
    id: JobId
    version: Version = 0
    totals: Totals = Totals()


class DayEntry(Contract):
    """A day. Version 0 has no attempt yet."""

    kind: Literal["day"] = "day"
    id: str
    version: Version = 0
    row: UsageRow


Entry = JobEntry | DayEntry

DAY = "day:"
"""What the id of a day begins with, and no job's."""


def day_id(row: UsageRow) -> str:
    """In the order of days; none of its parts has a slash."""
    return f"{DAY}{row.day.isoformat()}/{row.vc}/{row.owner}/{row.device_type}"


@dataclass(frozen=True)
class Posting:
    """Attempts that have not been counted, and what they add to each document that they touch."""

    attempts: Mapping[str, Sequence[Attempt]]
    """By job."""
    rows: Mapping[str, Sequence[UsageRow]]
    """By day."""

    @property
    def empty(self) -> tuple[Entry, ...]:
        """Each of the documents as it is before anything is counted."""
        days = (DayEntry(id=id, row=_blank(rows[0])) for id, rows in self.rows.items())
        return (*(JobEntry(id=id) for id in self.attempts), *days)

    def counted(self, entry: Entry) -> Entry:
        """One of the documents with what is added to it, as its next version."""
        version = entry.version + 1
        if isinstance(entry, DayEntry):
            return entry.model_copy(update={"version": version, "row": added(entry.row, self.rows[entry.id])})
        totals = entry.totals
        for attempt in self.attempts[entry.id]:
            totals = folded(totals, attempt)
        return entry.model_copy(update={"version": version, "totals": totals})


def posting(attempts: Sequence[Attempt], known: Mapping[str, Entry]) -> Posting:
    """What is to be counted of these, given the documents of their jobs: each attempt once, whatever is told again."""
    by_job: dict[str, dict[int, Attempt]] = {}
    for attempt in attempts:
        entry = known.get(attempt.job_id)
        if not (isinstance(entry, JobEntry) and attempt.number in entry.totals.attempts):
            by_job.setdefault(attempt.job_id, {}).setdefault(attempt.number, attempt)
    rows: dict[str, list[UsageRow]] = {}
    for new in by_job.values():
        for attempt in new.values():
            for row in charges(attempt):
                rows.setdefault(day_id(row), []).append(row)
    return Posting({id: tuple(new.values()) for id, new in by_job.items()}, rows)


def _blank(row: UsageRow) -> UsageRow:
    return UsageRow(day=row.day, vc=row.vc, owner=row.owner, device_type=row.device_type)
