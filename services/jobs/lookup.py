"""Answers about jobs, cut to what fits in a message."""

from collections.abc import Sequence

from services.jobs.domain.cursor import cursor_of, place_in
from services.jobs.domain.document import JobDocument, JobHead, current_view, event_of, job_of, launch_of
from services.jobs.orders import place_of
from services.jobs.store import JobStore
from services.jobs.walks import order_for
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
    """A page of at most `limit` jobs; fewer if they are large, or rare in a long list."""
    found = await store.pages.find(ask, place_in(ask), ask.limit)
    jobs = [job_of(document) for document in found.jobs]
    kept = _kept(jobs)
    end = found.end if kept == len(jobs) else place_of(found.jobs[kept - 1], order_for(ask))
    total, exact = await store.pages.total(ask, found) if ask.with_total else (None, True)
    return JobPage.of(
        items=tuple(jobs[:kept]),
        next_cursor=None if end is None else cursor_of(ask, end),
        total=total,
        total_is="exact" if exact else "at_least",
        searched=found.searched and kept == len(jobs),
    )


def _kept(jobs: Sequence[Job]) -> int:
    """How many of them fit in a reply: at least one, if there is one."""
    size = 0
    for number, job in enumerate(jobs):
        size += _size(job)
        if number and size > REPLY_BYTES:
            return number
    return len(jobs)


async def list_active(store: JobStore, ask: ListActiveJobs) -> ActiveJobPage:
    """Open jobs by id; with `node` those that hold something there, with what their runs need."""
    if ask.node is None:
        page = await store.open_page(ask.after_id, ask.limit)
        items = [ActiveJob.of(view=current_view(job), launch=None) for job in page.items]
        more = page.after is not None
    else:
        here = [job for job in await store.holding(ask.after_id) if _holds(job, ask.node)]
        items = [ActiveJob.of(view=current_view(job), launch=launch_of(job)) for job in here[: ask.limit]]
        more = len(here) > ask.limit
    chosen = _fitting(items)
    return ActiveJobPage.of(items=tuple(chosen), more=more or len(chosen) < len(items))


def events_of(job: JobDocument, ask: GetJobEvents) -> JobEventPage:
    """The job's events after a version, as many as fit."""
    later: list[AnyCloudEvent] = [event_of(job, entry)[1] for entry in job.history if entry.version > ask.after_version]
    chosen = _fitting(later)
    return JobEventPage.of(items=tuple(chosen), more=len(chosen) < len(later))


def _holds(job: JobHead, node: str) -> bool:
    allocation = job.state.allocation
    return allocation is not None and any(share.node == node for share in allocation.shares)


def _size(job: Job) -> int:
    """Bytes in a reply, estimated from above: only commands, environments and labels vary much."""
    return 1500 + 2 * (len(str(job.command)) + len(str(job.env)) + len(str(job.labels)))


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
