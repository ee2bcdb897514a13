"""The jobs service's documents, and its queries by what they mean."""

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from services.jobs.domain.document import JobDocument, JobHead
from services.jobs.domain.lease import SCHEDULER, LeaseDocument
from services.jobs.domain.submission import day_of
from shared.contracts.base import rfc3339
from shared.contracts.commands import ListJobs
from shared.contracts.errors import FieldError, Invalid
from shared.contracts.job import HOLDING, JobStatus
from shared.store.port import Between, Condition, Eq, In, Index, Page, Schema, Store

COUNTED = 10_000
"""A total is exact up to here."""

KEY_INDEX = "idempotency_key"

JOBS: Schema[JobDocument] = Schema(
    name="jobs",
    dump=lambda document: document.model_dump_json().encode(),
    load=JobDocument.model_validate_json,
    indexes=(
        Index("owner_time", ("owner", "-submitted_at")),
        Index("owner_status_time", ("owner", "state.status", "-submitted_at")),
        Index("status_time", ("state.status", "-submitted_at")),
        Index("time", ("-submitted_at",)),
        Index("open", ("over",)),
        Index("due", ("state.due_at",)),
        Index("owner_open", ("owner", "over", "request.vc")),
        Index(KEY_INDEX, ("owner", "idempotency.key", "idempotency.day"), unique=True),
    ),
)
HEADS: Schema[JobHead] = Schema(name=JOBS.name, dump=JOBS.dump, load=JobHead.model_validate_json, indexes=JOBS.indexes)
"""The same documents, read without their histories."""

LEASES: Schema[LeaseDocument] = Schema(
    name="leases",
    dump=lambda document: document.model_dump_json().encode(),
    load=LeaseDocument.model_validate_json,
)


class JobStore:
    """Jobs and the leader's lease."""

    def __init__(self, store: Store) -> None:
        self.jobs = store.collection(JOBS)
        self.heads = store.collection(HEADS)
        self.leases = store.collection(LEASES)

    async def by_key(self, owner: str, key: str, now: datetime) -> JobDocument | None:
        """The job that was submitted with this key in the last 24 h."""
        where = (Eq("owner", owner), Eq("idempotency.key", key), In("idempotency.day", (day_of(now) - 1, day_of(now))))
        page = await self.jobs.find(where, limit=2)
        recent = [job for job in page.items if now - job.submitted_at < timedelta(days=1)]
        return max(recent, key=lambda job: job.submitted_at, default=None)

    async def page(self, ask: ListJobs, limit: int) -> Page[JobHead]:
        """Newest first. Raises Invalid for a cursor that is not ours."""
        after = _after(ask.cursor) if ask.cursor else None
        return await self.heads.find(_where(ask), ("-submitted_at",), after, limit)

    async def total(self, ask: ListJobs) -> int:
        """How many there are, at most one more than COUNTED."""
        return await self.jobs.count(_where(ask), at_most=COUNTED + 1)

    async def open_of(self, owner: str, vc: str, at_most: int) -> int:
        """How many jobs that are not terminal somebody has in a VC; counting stops at `at_most`."""
        where = (Eq("owner", owner), Eq("over", False), Eq("request.vc", vc))
        return await self.jobs.count(where, at_most=at_most)

    async def open_page(self, after_id: str | None, limit: int) -> Page[JobHead]:
        """Jobs that are not terminal, by id."""
        after = (False, after_id) if after_id else None
        return await self.heads.find((Eq("over", False),), ("over",), after, limit)

    async def due(self, now: datetime, limit: int) -> Sequence[JobHead]:
        """Running jobs whose time limit asks for something by now, the longest due first."""
        where = (Between("state.due_at", high=rfc3339(now)),)
        return (await self.heads.find(where, ("state.due_at",), limit=limit)).items

    async def holding(self, before: datetime | None = None) -> list[JobDocument]:
        """Jobs that hold devices, by id; with `before` only those submitted earlier."""
        found: list[JobDocument] = []
        for status in sorted(HOLDING):
            found += await self._all_of(status, before)
        return sorted(found, key=lambda job: job.id)

    async def _all_of(self, status: JobStatus, before: datetime | None) -> list[JobDocument]:
        where: tuple[Condition, ...] = (Eq("state.status", status.value),)
        if before is not None:
            where += (Between("submitted_at", high=rfc3339(before)),)
        found: list[JobDocument] = []
        after = None
        while True:
            page = await self.jobs.find(where, ("-submitted_at",), after, limit=500)
            found += page.items
            if page.after is None:
                return found
            after = page.after

    async def lease(self) -> tuple[LeaseDocument, int] | None:
        """The lease and its beat."""
        marked = await self.leases.marked(SCHEDULER)
        return (marked.document, marked.mark) if marked else None


def _where(ask: ListJobs) -> Sequence[Condition]:
    where: list[Condition] = []
    if ask.owner is not None:
        where.append(Eq("owner", ask.owner))
    if ask.statuses:
        where.append(In("state.status", tuple(status.value for status in ask.statuses)))
    return where


def cursor_of(after: tuple[object, ...] | None) -> str | None:
    """A page's end as an opaque word."""
    return base64.urlsafe_b64encode(json.dumps(after).encode()).decode() if after is not None else None


def _after(cursor: str) -> tuple[object, ...]:
    try:
        after = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        if isinstance(after, list) and len(after) == 2 and all(isinstance(part, str) for part in after):
            return tuple(after)
    except (binascii.Error, ValueError):
        pass
    message = "is not a cursor of this list; use next_cursor of the page before"
    raise Invalid(f"The cursor {message}.", errors=(FieldError(field="cursor", message=message),))
