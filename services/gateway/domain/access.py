"""Who may see and do what: one table (`RIGHTS`), and the questions that the routes ask it.

A job of a virtual cluster (VC) that one does not belong to does not exist for one: NotFound. What one sees but may
not do is Forbidden. docs/rights.md is written from this table.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from shared.contracts.errors import FieldError, Forbidden, Invalid, NotFound
from shared.contracts.job import HIDDEN, TERMINAL, Job, JobStatus, without_values


class Role(StrEnum):
    """What somebody is in a VC."""

    MEMBER = "member"
    ADMIN = "admin"


class Scope(StrEnum):
    """What an API token may be used for; who signs in without one may act."""

    READ = "read"
    ACT = "act"


class Action(StrEnum):
    """What a caller may do to a job now."""

    PAUSE = "pause"
    RESUME = "resume"
    KILL = "kill"
    SUPPORT = "support"


class Relation(StrEnum):
    """What a caller is to a job; the first that fits counts."""

    OWNER = "its owner, a member of its VC"
    PLATFORM_ADMIN = "a platform administrator"
    FORMER_MEMBER = "its owner, who has left its VC"
    VC_ADMIN = "an administrator of its VC"
    OPEN_MEMBER = "a member of its VC, which is open"
    CLOSED_MEMBER = "a member of its VC, which is closed"
    STRANGER = "anybody else"


class Right(StrEnum):
    """What the table gives or withholds."""

    SEE = "see it in lists, and its brief"
    SEE_SPEC = "see its command, environment names and paths"
    SEE_ENVIRONMENT = "see its environment values"
    SEE_MESSAGES = "see whom it tells, and what was asked about it"
    READ_METRICS = "read its metrics"
    SEE_USAGE = "count it in the usage of its day"
    READ_CONSOLE = "read its console"
    USE_ENDPOINTS = "use its endpoints"
    ACT = "change it"
    KILL = "kill it"
    ASK_SUPPORT = "ask for support with it"


RIGHTS: dict[Relation, frozenset[Right]] = {
    Relation.OWNER: frozenset(Right),
    Relation.PLATFORM_ADMIN: frozenset(Right),
    Relation.FORMER_MEMBER: frozenset(Right) - {Right.USE_ENDPOINTS, Right.ACT},
    Relation.VC_ADMIN: frozenset(Right),
    Relation.OPEN_MEMBER: frozenset({Right.SEE, Right.SEE_SPEC, Right.READ_METRICS, Right.READ_CONSOLE}),
    Relation.CLOSED_MEMBER: frozenset({Right.SEE}),
    Relation.STRANGER: frozenset(),
}

CHANGING = frozenset({Right.USE_ENDPOINTS, Right.ACT, Right.KILL, Right.ASK_SUPPORT})
"""What a token of the scope `read` never gives."""

READ_ONLY = "This API token may only read. Use one with the scope 'act', or sign in."

WHEN: dict[Action, frozenset[JobStatus]] = {
    Action.PAUSE: frozenset({JobStatus.QUEUED, JobStatus.SCHEDULING, JobStatus.RUNNING}),
    Action.RESUME: frozenset({JobStatus.PAUSED}),
    Action.KILL: frozenset(JobStatus) - TERMINAL,
    Action.SUPPORT: frozenset(JobStatus),
}
NEEDS: dict[Action, Right] = {
    Action.PAUSE: Right.ACT,
    Action.RESUME: Right.ACT,
    Action.KILL: Right.KILL,
    Action.SUPPORT: Right.ASK_SUPPORT,
}


@dataclass(frozen=True)
class Caller:
    """Whoever is asking, as accounts, VCs and the token say. `closed`: those of the caller's VCs that are closed."""

    name: str
    admin: bool
    vcs: Mapping[str, Role]
    scope: Scope = Scope.ACT
    closed: frozenset[str] = field(default=frozenset())


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
    owns = caller.name == job.owner
    if owns and job.vc in caller.vcs:
        return Relation.OWNER
    if caller.admin:
        return Relation.PLATFORM_ADMIN
    if owns:
        return Relation.FORMER_MEMBER
    role = caller.vcs.get(job.vc)
    if role is None:
        return Relation.STRANGER
    if role is Role.ADMIN:
        return Relation.VC_ADMIN
    return Relation.CLOSED_MEMBER if job.vc in caller.closed else Relation.OPEN_MEMBER


def may(caller: Caller, job: Owned, right: Right) -> bool:
    """Whether the table gives this right, and the token does not withhold it."""
    return right in RIGHTS[relation(caller, job)] and not (caller.scope is Scope.READ and right in CHANGING)


def require(caller: Caller, job: Owned, right: Right) -> None:
    """Raises NotFound where the caller may not know of the job, Forbidden where only this right is missing."""
    if not may(caller, job, Right.SEE):
        raise no_such_job(job.id)
    if may(caller, job, right):
        return
    if right in RIGHTS[relation(caller, job)]:
        raise Forbidden(READ_ONLY)
    if caller.name == job.owner:
        raise Forbidden(
            f"You do not belong to the virtual cluster '{job.vc}' of job {job.id} any more. You may kill the job; only "
            f"an administrator may {right.value}."
        )
    raise Forbidden(f"Job {job.id} belongs to {job.owner}. Only {job.owner} or an administrator may {right.value}.")


def require_admin(caller: Caller) -> None:
    """Raises Forbidden for anybody but a platform administrator."""
    if not caller.admin:
        raise Forbidden("Only a platform administrator may do that. Ask one.")


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
        known = ", ".join(sorted(caller.vcs)) or "none yet; ask an administrator"
        message = f"you do not belong to a virtual cluster '{vc}'; yours: {known}"
        raise Invalid(f"vc: {message}.", (FieldError(field="vc", message=message),))


J = TypeVar("J", bound=Job)

_UNSEEN: dict[str, Any] = {
    "command": HIDDEN,
    "env": {},
    "secrets": {},
    "data_path": None,
    "work_path": None,
    "job_path": None,
    "checkpoint_path": None,
    "notify": (),
}
"""What a reader gets who may not see a job's command, environment and paths."""


def visible(caller: Caller, job: J) -> J:
    """The job as the caller may see it: without what the table withholds."""
    if not may(caller, job, Right.SEE_SPEC):
        return job.model_copy(update=_UNSEEN)
    withheld: dict[str, Any] = {}
    if job.env and not may(caller, job, Right.SEE_ENVIRONMENT):
        withheld["env"] = without_values(job.env)
    if job.notify and not may(caller, job, Right.SEE_MESSAGES):
        withheld["notify"] = ()
    return job.model_copy(update=withheld) if withheld else job
