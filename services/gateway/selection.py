"""The jobs that a filter means: read by the list command, and only those that the caller may act on."""

from dataclasses import dataclass

from services.gateway import asking
from services.gateway.domain.access import WHEN, Action, Caller, Right, may
from services.gateway.resources import Job, JobFilter
from shared.bus.bus import Bus
from shared.contracts.commands import MANY, JobAction, ListJobs
from shared.contracts.job import JobStatus

PAGE = 500
LOOKED_AT = 20_000
"""Jobs that one call looks at; then it answers with a cursor, so that a call takes a bounded time."""

WAITING = frozenset({JobStatus.QUEUED, JobStatus.SCHEDULING, JobStatus.PAUSED})
MAKES_SENSE: dict[JobAction, frozenset[JobStatus]] = {
    JobAction.PAUSE: WHEN[Action.PAUSE],
    JobAction.RESUME: WHEN[Action.RESUME],
    JobAction.KILL: WHEN[Action.KILL],
    JobAction.PRIORITY: WAITING,
}
"""What an action's filter means when it names no status."""


@dataclass(frozen=True)
class Selected:
    """Jobs that are meant, newest first, and where to go on."""

    jobs: tuple[Job, ...]
    next_cursor: str | None


async def select(
    bus: Bus, timeout_s: float, caller: Caller, action: JobAction, chosen: JobFilter, cursor: str | None
) -> Selected:
    """At most `MANY` jobs. Raises Invalid for a cursor that is not the list's."""
    found: list[Job] = []
    looked_at = 0
    statuses = chosen.status or tuple(status for status in JobStatus if status in MAKES_SENSE[action])
    owner = caller.name if _mine(chosen) else chosen.owner
    while True:
        limit = min(PAGE, MANY - len(found))
        ask = ListJobs(owner=owner, statuses=statuses, limit=limit, cursor=cursor, with_total=False)
        page = await bus.ask(asking.LIST, ask, timeout_s)
        found += [job for job in page.items if meets(job, chosen) and may(caller, job, Right.ACT)]
        looked_at += len(page.items)
        cursor = page.next_cursor
        if cursor is None or len(found) >= MANY or looked_at >= LOOKED_AT:
            return Selected(tuple(found), cursor)


def meets(job: Job, chosen: JobFilter) -> bool:
    """Whether the job meets every condition of the filter, beside scope and status."""
    return (
        (chosen.owner is None or job.owner == chosen.owner)
        and (chosen.vc is None or job.vc == chosen.vc)
        and chosen.label.items() <= job.labels.items()
        and (chosen.device_type is None or job.device_type == chosen.device_type)
        and (chosen.preemptible is None or job.preemptible is chosen.preemptible)
        and (chosen.submitted_after is None or job.submitted_at >= chosen.submitted_after)
        and (chosen.submitted_before is None or job.submitted_at < chosen.submitted_before)
        and (chosen.q is None or job.id == chosen.q.upper() or job.name.startswith(chosen.q))
    )


def _mine(chosen: JobFilter) -> bool:
    return chosen.scope == "mine" or (chosen.scope is None and chosen.owner is None)
