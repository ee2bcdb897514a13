"""Answers about jobs, cut to what fits in a message."""

from collections.abc import Sequence

from services.jobs.domain.document import JobDocument, current_view, event_of, job_of, launch_of
from services.jobs.store import COUNTED, JobStore, cursor_of
from shared.contracts.base import Contract
from shared.contracts.commands import (
    ActiveJob,
    ActiveJobPage,
    GetJobEvents,
    JobEventPage,
    JobPage,
    ListActiveJobs,
    ListJobs,
)
from shared.contracts.events import AnyCloudEvent
from shared.contracts.job import Job

REPLY_BYTES = 400_000


async def list_jobs(store: JobStore, ask: ListJobs) -> JobPage:
    """A page of at most `limit` jobs; fewer if they are large."""
    limit = ask.limit
    while True:
        page = await store.page(ask, limit)
        jobs: tuple[Job, ...] = tuple(job_of(document) for document in page.items)
        size = _size(jobs)
        if size <= REPLY_BYTES or limit == 1:
            break
        limit = max(1, limit * REPLY_BYTES // (2 * size))
    total = await store.total(ask) if ask.with_total else None
    exact = total is None or total <= COUNTED
    return JobPage.of(
        items=jobs,
        next_cursor=cursor_of(page.after),
        total=total if exact else COUNTED,
        total_is="exact" if exact else "at_least",
    )


async def list_active(store: JobStore, ask: ListActiveJobs) -> ActiveJobPage:
    """Open jobs by id; with `node` those that hold something there, with what their runs need."""
    if ask.node is None:
        page = await store.open_page(ask.after_id, ask.limit)
        items = [ActiveJob.of(view=current_view(job), launch=None) for job in page.items]
        more = page.after is not None
    else:
        here = [job for job in await store.holding() if _holds(job, ask.node) and job.id > (ask.after_id or "")]
        items = [ActiveJob.of(view=current_view(job), launch=launch_of(job)) for job in here[: ask.limit]]
        more = len(here) > ask.limit
    chosen = _fitting(items)
    return ActiveJobPage.of(items=tuple(chosen), more=more or len(chosen) < len(items))


def events_of(job: JobDocument, ask: GetJobEvents) -> JobEventPage:
    """The job's events after a version, as many as fit."""
    later: list[AnyCloudEvent] = [event_of(job, entry)[1] for entry in job.history if entry.version > ask.after_version]
    chosen = _fitting(later)
    return JobEventPage.of(items=tuple(chosen), more=len(chosen) < len(later))


def _holds(job: JobDocument, node: str) -> bool:
    allocation = job.state.allocation
    return allocation is not None and any(share.node == node for share in allocation.shares)


def _size(jobs: Sequence[Job]) -> int:
    """Bytes in a reply, estimated from above: only commands, environments and labels vary much."""
    return sum(1500 + 2 * (len(str(job.command)) + len(str(job.env)) + len(str(job.labels))) for job in jobs)


def _fitting(items: Sequence[Contract]) -> list[Contract]:
    """The first of the items that fit in a reply, at least one."""
    chosen: list[Contract] = []
    size = 0
    for item in items:
        size += len(item.model_dump_json())
        if chosen and size > REPLY_BYTES:
            break
        chosen.append(item)
    return chosen
