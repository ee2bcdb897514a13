"""How many jobs a list would show, by what they do: each number is one range of one index, counted up to a bound."""

import asyncio

from services.jobs.domain.document import JobHead
from services.jobs.orders import OPEN
from shared.contracts.base import rfc3339
from shared.contracts.commands.lists import MOST_COUNTED, CountJobs, JobCounts
from shared.contracts.job import JobStatus
from shared.store.port import Between, Collection, Condition, Eq, In, Index

RUNNING = (JobStatus.RUNNING, JobStatus.PAUSING, JobStatus.KILLING)
WAITING = (JobStatus.QUEUED, JobStatus.SCHEDULING)

HAVE_FAILED = (JobStatus.ERROR, JobStatus.FAILED)
FAILED = Between("state.status", JobStatus.ERROR.value, f"{JobStatus.FAILED}\x7f")
"""The same as a range: no other status lies between the two."""

OWNER_FAILED = Index("owner_failed", ("owner", "state.status", "state.finished_at"), only=FAILED)
"""Only jobs that fail enter it, once."""


async def count_jobs(heads: Collection[JobHead], ask: CountJobs) -> JobCounts:
    """The numbers for one person, or for everybody."""
    within = () if ask.vcs is None else (In("request.vc", ask.vcs),)
    theirs: tuple[Condition, ...] = (OPEN if ask.owner is None else Eq("owner", ask.owner), *within)

    async def count(*more: Condition) -> int:
        return await heads.count((*theirs, *more), at_most=MOST_COUNTED)

    async def failed() -> int | None:
        if ask.owner is None:
            return None
        since = () if ask.failed_since is None else (Between("state.finished_at", low=rfc3339(ask.failed_since)),)
        return await count(FAILED, _one_of(HAVE_FAILED), *since)

    running, waiting, paused, have_failed = await asyncio.gather(
        count(_one_of(RUNNING)), count(_one_of(WAITING)), count(_one_of((JobStatus.PAUSED,))), failed()
    )
    return JobCounts(running=running, waiting=waiting, paused=paused, failed=have_failed)


def _one_of(statuses: tuple[JobStatus, ...]) -> Condition:
    return In("state.status", tuple(status.value for status in statuses))
