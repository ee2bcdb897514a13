"""The jobs service's documents, and its queries by what they mean."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.jobs.counts import OWNER_FAILED
from services.jobs.domain.document import JobDocument, JobHead
from services.jobs.domain.lease import SCHEDULER, LeaseDocument
from services.jobs.orders import INDEXES, OPEN
from services.jobs.pages import Pages
from shared.contracts.base import rfc3339
from shared.contracts.job import JobStatus
from shared.idempotency import Keys, key_indexes
from shared.store.port import Between, Eq, In, Index, Page, Schema, Store

OWNER = "owner"

WAITING = (JobStatus.SCHEDULING, JobStatus.PAUSING, JobStatus.KILLING)
"""A job waits for what its executor says."""

HOLDS = Between("executor", low="")
"""The job holds something, for which an executor answers."""

LIMITED = Between("state.due_at", low="")
"""The job runs and has a time limit."""

JOBS: Schema[JobDocument] = Schema(
    name="jobs",
    dump=lambda document: document.model_dump_json().encode(),
    load=JobDocument.model_validate_json,
    indexes=(
        *INDEXES,
        Index("executor", ("executor",), only=HOLDS),
        Index("limited", ("state.due_at",), only=LIMITED),
        OWNER_FAILED,
        *key_indexes(OWNER),
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
        self.keys = Keys(self.jobs, OWNER, lambda job: job.submitted_at)

    async def open_of(self, owner: str, vc: str, at_most: int) -> int:
        """How many jobs that are not terminal somebody has in a VC; counting stops at `at_most`."""
        return await self.jobs.count((OPEN, Eq("owner", owner), Eq("request.vc", vc)), at_most=at_most)

    async def open_page(self, after_id: str | None, limit: int) -> Page[JobHead]:
        """Jobs that are not terminal, by id."""
        return await self.heads.find((OPEN,), ("id",), (after_id,) if after_id else None, limit)

    async def due(self, now: datetime, limit: int) -> Sequence[JobHead]:
        """Running jobs whose time limit asks for something by now, the longest due first."""
        where = (LIMITED, Between("state.due_at", high=rfc3339(now)))
        return (await self.heads.find(where, ("state.due_at",), limit=limit)).items

    async def held_at(self, executor: str, after_id: str | None, limit: int) -> Page[JobHead]:
        """Jobs for whose runs this executor answers, by id. One that holds its place throughout is met."""
        where = (HOLDS, Eq("executor", executor))
        return await self.heads.find(where, ("id",), (after_id,) if after_id else None, limit)

    async def waiting(self) -> list[JobDocument]:
        """Jobs that wait for their executor, by executor and id, with their histories."""
        where = (HOLDS, In("state.status", tuple(status.value for status in WAITING)))
        jobs: list[JobDocument] = []
        after: tuple[Any, ...] | None = None
        while True:
            page = await self.jobs.find(where, ("executor",), after, limit=500)
            jobs += page.items
            after = page.after
            if after is None:
                return jobs

    async def lease(self) -> tuple[LeaseDocument, int] | None:
        """The lease and its beat."""
        marked = await self.leases.marked(SCHEDULER)
        return (marked.document, marked.mark) if marked else None
