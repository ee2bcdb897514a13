"""Who may see and do what: one table (`RIGHTS`), and the questions that the routes ask it.

A job of a virtual cluster (VC) that one does not belong to does not exist for one: NotFound. What one sees but may
not do is Forbidden.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from shared.contracts.errors import FieldError, Forbidden, Invalid, NotFound
from shared.contracts.job import TERMINAL, Job, JobStatus

HIDDEN = "***"
"""Stands for an environment value that the reader may not see."""


class Action(StrEnum):
    """What a caller may do to a job now."""

    PAUSE = "pause"
    RESUME = "resume"
    KILL = "kill"
    SUPPORT = "support"


class Relation(StrEnum):
    """What a caller is to a job."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    STRANGER = "stranger"


class Right(StrEnum):
    """What the table gives or withholds."""

    SEE = "see"
    SEE_ENVIRONMENT = "see its environment"
    READ_CONSOLE = "read its console"
    ACT = "change it"
    ASK_SUPPORT = "ask for help with it"


RIGHTS: dict[Relation, frozenset[Right]] = {
    Relation.OWNER: frozenset(Right),
    Relation.ADMIN: frozenset(Right),
    Relation.MEMBER: frozenset({Right.SEE, Right.ASK_SUPPORT}),
    Relation.STRANGER: frozenset(),
}

WHEN: dict[Action, frozenset[JobStatus]] = {
    Action.PAUSE: frozenset({JobStatus.QUEUED, JobStatus.SCHEDULING, JobStatus.RUNNING}),
    Action.RESUME: frozenset({JobStatus.PAUSED}),
    Action.KILL: frozenset(JobStatus) - TERMINAL,
    Action.SUPPORT: frozenset(JobStatus),
}
NEEDS: dict[Action, Right] = dict.fromkeys(Action, Right.ACT) | {Action.SUPPORT: Right.ASK_SUPPORT}


@dataclass(frozen=True)
class Caller:
    """Whoever is asking, as the accounts say."""

    name: str
    admin: bool
    vcs: tuple[str, ...]


class Owned(Protocol):
    """A job, as far as access is concerned."""

    @property
    def id(self) -> str: ...

    @property
    def owner(self) -> str: ...

    @property
    def vc(self) -> str: ...


def relation(caller: Caller, job: Owned) -> Relation:
    """What the caller is to this job."""
    if caller.name == job.owner:
        return Relation.OWNER
    if caller.admin:
        return Relation.ADMIN
    return Relation.MEMBER if job.vc in caller.vcs else Relation.STRANGER


def may(caller: Caller, job: Owned, right: Right) -> bool:
    """Whether the table gives this right."""
    return right in RIGHTS[relation(caller, job)]


def require(caller: Caller, job: Owned, right: Right) -> None:
    """Raises NotFound where the caller may not know of the job, Forbidden where only this right is missing."""
    if not may(caller, job, Right.SEE):
        raise no_such_job(job.id)
    if not may(caller, job, right):
        raise Forbidden(f"Job {job.id} belongs to {job.owner}. Only {job.owner} or an administrator may {right.value}.")


def no_such_job(job_id: str) -> NotFound:
    """The one answer for a job that does not exist, and for one that the caller may not know of."""
    return NotFound(f"There is no job {job_id}. Check the id, or list your jobs.")


def actions(caller: Caller, job: Job) -> tuple[Action, ...]:
    """What the caller may do to the job in its present status."""
    return tuple(action for action in Action if job.status in WHEN[action] and may(caller, job, NEEDS[action]))


def check_submission(caller: Caller, vc: str, owner: str | None) -> None:
    """Raises Forbidden for a job in somebody else's name, Invalid for a VC that the caller does not belong to."""
    if owner is not None and owner != caller.name:
        raise Forbidden(f"You are signed in as {caller.name} and can't submit for {owner}. Leave `owner` out.")
    if vc not in caller.vcs:
        known = ", ".join(caller.vcs) or "none yet; ask an administrator"
        message = f"you do not belong to a virtual cluster '{vc}'; yours: {known}"
        raise Invalid(f"vc: {message}.", (FieldError(field="vc", message=message),))


J = TypeVar("J", bound=Job)


def visible(caller: Caller, job: J) -> J:
    """The job as the caller may see it: without environment values and whom it tells, where the table says so."""
    if not (job.env or job.notify) or may(caller, job, Right.SEE_ENVIRONMENT):
        return job
    return job.model_copy(update={"env": hidden(job.env), "notify": ()})


def hidden(env: dict[str, Any]) -> dict[str, Any]:
    """The names of an environment without its values."""
    return dict.fromkeys(env, HIDDEN)
