"""The jobs service's documents, and its queries by what they mean."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from services.jobs.domain.document import JobDocument, JobHead
from services.jobs.domain.lease import SCHEDULER, LeaseDocument
from services.jobs.orders import INDEXES
from services.jobs.pages import Pages
from shared.contracts.base import rfc3339
from shared.contracts.job import TERMINAL, JobStatus
from shared.idempotency import Keys, key_indexes
from shared.store import port
from shared.store.port import Between, Eq, In, Index, Page, Schema, Store

OWNER = "owner"

HOLDING_IN_ORDER = (JobStatus.SCHEDULING, JobStatus.RUNNING, JobStatus.PAUSING, JobStatus.KILLING)
"""HOLDING in the order of a job's life: within an attempt none is ever followed by an earlier one."""

WAITING = (JobStatus.SCHEDULING, JobStatus.PAUSING, JobStatus.KILLING)
"""A job waits for what its executor says."""

Head = TypeVar("Head", bound=JobHead)

JOBS: Schema[JobDocument] = Schema(
    name="jobs",
    dump=lambda document: document.model_dump_json().encode(),
    load=JobDocument.model_validate_json,
    indexes=(
        *INDEXES,
        Index("open", ("over",)),
        Index("due", ("state.due_at",)),
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

    async def holding(self, after_id: str | None = None) -> list[JobHead]:
        """Jobs that hold devices, by id, beginning behind one; all that held them throughout the call are there.

        A job goes through these statuses in this order only, so one that moves on meanwhile is met in a later one.
        """
        return await _in_turn(self.heads, HOLDING_IN_ORDER, after_id)

    async def waiting(self) -> list[JobDocument]:
        """Jobs that wait for their executor, by id, with their histories."""
        return await _in_turn(self.jobs, WAITING, None)

    async def lease(self) -> tuple[LeaseDocument, int] | None:
        """The lease and its beat."""
        marked = await self.leases.marked(SCHEDULER)
        return (marked.document, marked.mark) if marked else None


async def _in_turn(jobs: port.Collection[Head], statuses: Sequence[JobStatus], after_id: str | None) -> list[Head]:
    """Those in the statuses, read one after the other, each job once and as it was last seen."""
    found: dict[str, Head] = {}
    for status in statuses:
        after: tuple[Any, ...] | None = (after_id,) if after_id else None
        while True:
            page = await jobs.find((Eq("state.status", status.value),), ("id",), after, limit=500)
            found |= {job.id: job for job in page.items}
            after = page.after
            if after is None:
                break
    return sorted(found.values(), key=lambda job: job.id)
