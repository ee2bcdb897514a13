"""The jobs service's documents, and its queries by what they mean."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from services.jobs.domain.document import JobDocument, JobHead
from services.jobs.domain.lease import SCHEDULER, LeaseDocument
from services.jobs.domain.submission import day_of
from services.jobs.orders import INDEXES, QUEUE
from services.jobs.pages import Pages
from shared.contracts.base import rfc3339
from shared.contracts.job import HOLDING, TERMINAL, JobStatus
from shared.store.port import Between, Eq, In, Index, Page, Schema, Store

KEY_INDEX = "idempotency_key"

JOBS: Schema[JobDocument] = Schema(
    name="jobs",
    dump=lambda document: document.model_dump_json().encode(),
    load=JobDocument.model_validate_json,
    indexes=(
        *INDEXES,
        Index("open", ("over",)),
        Index("due", ("state.due_at",)),
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
        self.pages = Pages(self.heads)
        self.leases = store.collection(LEASES)

    async def by_key(self, owner: str, key: str, now: datetime) -> JobDocument | None:
        """The job that was submitted with this key in the last 24 h."""
        where = (Eq("owner", owner), Eq("idempotency.key", key), In("idempotency.day", (day_of(now) - 1, day_of(now))))
        page = await self.jobs.find(where, limit=2)
        recent = [job for job in page.items if now - job.submitted_at < timedelta(days=1)]
        return max(recent, key=lambda job: job.submitted_at, default=None)

    async def open_of(self, owner: str, vc: str, at_most: int) -> int:
        """How many jobs that are not terminal somebody has in a VC; counting stops at `at_most`."""
        open_ones = tuple(status.value for status in JobStatus if status not in TERMINAL)
        where = (Eq("owner", owner), In("state.status", open_ones), Eq("request.vc", vc))
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
            found += await self._all_of(status)
        return sorted((job for job in found if before is None or job.submitted_at < before), key=lambda job: job.id)

    async def _all_of(self, status: JobStatus) -> list[JobDocument]:
        found: list[JobDocument] = []
        after = None
        while True:
            page = await self.jobs.find((Eq("state.status", status.value),), QUEUE, after, limit=500)
            found += page.items
            if page.after is None:
                return found
            after = page.after

    async def lease(self) -> tuple[LeaseDocument, int] | None:
        """The lease and its beat."""
        marked = await self.leases.marked(SCHEDULER)
        return (marked.document, marked.mark) if marked else None
