"""How many jobs a list would show, by what they do: each number is one range of one index, counted up to a bound."""

import asyncio

from services.jobs.domain.document import JobHead
from services.jobs.orders import OPEN, failed_between
from shared.contracts.commands.lists import MOST_COUNTED, CountJobs, JobCounts
from shared.contracts.job import JobStatus
from shared.store.port import Collection, Condition, Eq, In

RUNNING = (JobStatus.RUNNING, JobStatus.PAUSING, JobStatus.KILLING)
WAITING = (JobStatus.QUEUED, JobStatus.SCHEDULING)


async def count_jobs(heads: Collection[JobHead], ask: CountJobs) -> JobCounts:
    """The numbers for one person, or for everybody."""
    within = () if ask.vcs is None else (In("request.vc", ask.vcs),)
    theirs: tuple[Condition, ...] = (OPEN if ask.owner is None else Eq("owner", ask.owner), *within)

    async def count(*more: Condition) -> int:
        return await heads.count((*theirs, *more), at_most=MOST_COUNTED)

    async def failed() -> int | None:
        if ask.owner is None:
            return None
        return await count(*failed_between(ask.failed_since, None))

    running, waiting, paused, have_failed = await asyncio.gather(
        count(_one_of(RUNNING)), count(_one_of(WAITING)), count(_one_of((JobStatus.PAUSED,))), failed()
    )
    return JobCounts(running=running, waiting=waiting, paused=paused, failed=have_failed)


def _one_of(statuses: tuple[JobStatus, ...]) -> Condition:
    return In("state.status", tuple(status.value for status in statuses))
