"""The jobs that a filter means: read by the list command, and only those that the caller may act on.

Jobs of others are looked at in the caller's virtual clusters only, so that none but these cost time.
"""

from dataclasses import dataclass

from services.gateway import asking
from services.gateway.domain.access import NEEDS, WHEN, Action, Caller, Right, may
from services.gateway.listing import clusters
from services.gateway.resources.changes import JobFilter
from services.gateway.resources.jobs import Job
from shared.bus.bus import Bus
from shared.contracts.commands.changes import MANY, JobAction
from shared.contracts.commands.lists import ListJobs
from shared.contracts.job import TERMINAL, JobStatus

PAGE = 500
LOOKED_AT = 20_000
"""Jobs that one call looks at; then it answers with a cursor, so that it takes a bounded time."""
SEARCHED = 2000
"""Jobs that the jobs service has looked at for a page that says so."""

WAITING = frozenset({JobStatus.QUEUED, JobStatus.SCHEDULING, JobStatus.PAUSED})
MAKES_SENSE: dict[JobAction, frozenset[JobStatus]] = {
    JobAction.PAUSE: WHEN[Action.PAUSE],
    JobAction.RESUME: WHEN[Action.RESUME],
    JobAction.KILL: WHEN[Action.KILL],
    JobAction.PRIORITY: WAITING,
}
"""What an action's filter means when it names no status."""

NEEDED: dict[JobAction, Right] = {
    JobAction.PAUSE: NEEDS[Action.PAUSE],
    JobAction.RESUME: NEEDS[Action.RESUME],
    JobAction.KILL: NEEDS[Action.KILL],
    JobAction.PRIORITY: Right.ACT,
}
"""The right that an action takes."""


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
    owner = caller.name if _mine(chosen) else chosen.owner
    statuses = _statuses(action, chosen, owner)
    vcs = clusters(caller, chosen.vc, own=owner == caller.name)
    looked_at = 0
    while statuses and vcs != ():
        ask = ListJobs(
            owner=owner,
            vcs=vcs,
            statuses=statuses,
            device_type=chosen.device_type,
            preemptible=chosen.preemptible,
            labels=chosen.label,
            submitted_after=chosen.submitted_after,
            submitted_before=chosen.submitted_before,
            finished_after=chosen.finished_after,
            finished_before=chosen.finished_before,
            q=chosen.q,
            limit=min(PAGE, MANY - len(found)),
            cursor=cursor,
            with_total=False,
        )
        page = await bus.ask(asking.LIST, ask, timeout_s)
        found += [job for job in page.items if may(caller, job, NEEDED[action])]
        looked_at += SEARCHED if page.searched else len(page.items)
        cursor = page.next_cursor
        if cursor is None or len(found) >= MANY or looked_at >= LOOKED_AT:
            break
    return Selected(tuple(found), cursor)


def _statuses(action: JobAction, chosen: JobFilter, owner: str | None) -> tuple[JobStatus, ...]:
    """None: no job can be meant. Those of everybody that are over are in no list, and mine are nobody else's."""
    only_over = chosen.finished_after is not None or chosen.finished_before is not None
    if chosen.owner not in (None, owner) or (only_over and owner is None):
        return ()
    statuses = chosen.status or tuple(status for status in JobStatus if status in MAKES_SENSE[action])
    return tuple(status for status in statuses if owner is not None or status not in TERMINAL)


def _mine(chosen: JobFilter) -> bool:
    return chosen.scope == "mine" or (chosen.scope is None and chosen.owner is None)
