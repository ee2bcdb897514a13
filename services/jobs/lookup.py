"""Answers about jobs, cut to what fits in a message."""

from collections.abc import Iterable

from services.jobs.domain.cursor import Start, cursor_of, start_in
from services.jobs.domain.document import JobDocument, current_view, event_of, job_of, launch_of
from services.jobs.domain.size import REPLY_BYTES, event_size, job_size, launch_size, view_size
from services.jobs.orders import place_of, reader_of
from services.jobs.store import JobStore
from services.jobs.walks import order_for, turned
from shared.contracts.commands.jobs import (
    ActiveJob,
    ActiveJobPage,
    GetJobEvents,
    GetJobViews,
    JobEventPage,
    JobViews,
    ListActiveJobs,
)
from shared.contracts.commands.lists import JobPage, ListJobs


async def list_jobs(store: JobStore, ask: ListJobs) -> JobPage:
    """A page of at most `limit` jobs; fewer if they are large, or rare in a long list.

    What stands before a place is what follows it in the list turned around: the nearest are kept, and turned back.
    """
    order = order_for(ask)
    start = start_in(ask, reader_of(order))
    found = await store.pages.find(turned(ask) if start.back else ask, start.place, ask.limit)
    jobs = found.jobs[: _fitting(job_size(job) for job in found.jobs)]
    whole = len(jobs) == len(found.jobs)
    far = found.end if whole else place_of(jobs[-1], order)
    near = place_of(jobs[0], order) if jobs else far
    onwards = None if far is None else cursor_of(ask, Start(far, start.back))
    opposite = None if ask.cursor is None else cursor_of(ask, Start(near, not start.back))
    total, exact = await store.pages.total(ask, found) if ask.with_total else (None, True)
    return JobPage.of(
        items=tuple(job_of(job) for job in (reversed(jobs) if start.back else jobs)),
        next_cursor=opposite if start.back else onwards,
        prev_cursor=onwards if start.back else opposite,
        back=start.back,
        total=total,
        total_is="exact" if exact else "at_least",
        searched=found.searched and whole,
    )


async def list_active(store: JobStore, ask: ListActiveJobs) -> ActiveJobPage:
    """Open jobs by id; with `node` those for which that executor answers, with what their runs need."""
    if ask.node is None:
        page = await store.open_page(ask.after_id, ask.limit)
        sizes = [view_size(job.request, job.state) for job in page.items]
    else:
        page = await store.held_at(ask.node, ask.after_id, ask.limit)
        sizes = [view_size(job.request, job.state) + launch_size(job) for job in page.items]
    chosen = page.items[: _fitting(sizes)]
    items = tuple(ActiveJob.of(view=current_view(job), launch=launch_of(job) if ask.node else None) for job in chosen)
    return ActiveJobPage.of(items=items, more=page.after is not None or len(chosen) < len(page.items))


async def views_of(store: JobStore, ask: GetJobViews) -> JobViews:
    """The jobs that exist as the platform sees them, and the ids of those that found no room."""
    jobs = list((await store.heads.get_many(ask.ids)).values())
    kept = _fitting(view_size(job.request, job.state) for job in jobs)
    return JobViews.of(items=tuple(current_view(job) for job in jobs[:kept]), left=tuple(job.id for job in jobs[kept:]))


def events_of(job: JobDocument, ask: GetJobEvents) -> JobEventPage:
    """The job's events after a version, as many as fit."""
    later = [entry for entry in job.history if entry.version > ask.after_version]
    chosen = later[: _fitting(event_size(job, entry) for entry in later)]
    return JobEventPage.of(items=tuple(event_of(job, entry)[1] for entry in chosen), more=len(chosen) < len(later))


def _fitting(sizes: Iterable[int]) -> int:
    """How many items of these sizes fit in a reply: at least one, if there is one."""
    number = total = 0
    for size in sizes:
        total += size
        if number and total > REPLY_BYTES:
            break
        number += 1
    return number
