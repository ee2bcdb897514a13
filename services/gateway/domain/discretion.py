"""What a reader is told of a job's past and of its reasons: events and reasons without what the table withholds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.gateway.domain.access import Caller, Owned, Relation, Right, Scope, may, relation
from shared.contracts.commands.scheduling import Blocker, Blockers
from shared.contracts.job import (
    FOREIGN,
    START_REFUSED,
    JobStatus,
    Reason,
    without_environment,
    without_foreign,
    without_origin,
)

UNTOLD_FOR_NOW = "Its start was refused, and is tried again; its owner and administrators see why."
UNTOLD = "Could not be started as it was submitted; its owner and administrators see why."


@dataclass(frozen=True)
class Subject:
    """Whose job something is about."""

    id: str
    owner: str
    vc: str


@dataclass(frozen=True)
class Sight:
    """All that decides what of a job is shown to somebody: whoever has the same sight of it sees the same."""

    relation: Relation
    admin: bool
    scope: Scope


def sight(caller: Caller, job: Owned) -> Sight:
    """The caller's sight of a job."""
    return Sight(relation(caller, job), caller.admin, caller.scope)


def told(caller: Caller, job: Owned, status: JobStatus, reason: Reason | None) -> Reason | None:
    """A reason as the caller may hear it: no id of another VC's job, and no path where paths are withheld.

    Only a job that could not be started has a reason that names its paths or its image.
    """
    if reason is None:
        return None
    if status is JobStatus.ERROR and reason.code != "run_lost" and not may(caller, job, Right.SEE_SPEC):
        return Reason(code=reason.code, message=UNTOLD)
    if reason.code == START_REFUSED and not may(caller, job, Right.SEE_SPEC):
        return Reason(code=reason.code, message=UNTOLD_FOR_NOW)
    if FOREIGN not in reason.details or caller.admin:
        return reason
    return reason.model_copy(update={"details": without_foreign(reason.details)})


def named(caller: Caller, blockers: Blockers) -> Blockers:
    """The jobs in the way as the caller may know them: of one that does not exist for the caller, its size."""
    return blockers.model_copy(update={"jobs": tuple(_known(caller, blocker) for blocker in blockers.jobs)})


def _known(caller: Caller, blocker: Blocker) -> Blocker:
    id, owner, vc = blocker.id, blocker.owner, blocker.vc
    if id is not None and owner is not None and vc is not None and may(caller, Subject(id, owner, vc), Right.SEE):
        return blocker
    return Blocker(
        state=blocker.state,
        device_type=blocker.device_type,
        devices=blocker.devices,
        cpus=blocker.cpus,
        memory_mib=blocker.memory_mib,
    )


def shown(caller: Caller, data: Mapping[str, Any]) -> dict[str, Any]:
    """The plain data of a job's event as the caller may see it."""
    job = data["job"]
    about = Subject(job["id"], job["owner"], job["vc"])
    seen = {**data, "job": _with_reason_told(caller, about, job)}
    if "actor" in seen:
        seen["actor"] = without_origin(seen["actor"])
    launch = seen.get("launch")
    if launch and not may(caller, about, Right.SEE_SPEC):
        del seen["launch"]
    elif launch and not may(caller, about, Right.SEE_ENVIRONMENT):
        seen["launch"] = without_environment(launch)
    if seen.get("usage") and not may(caller, about, Right.READ_METRICS):
        seen["usage"] = None
    return seen


def _with_reason_told(caller: Caller, about: Subject, job: Mapping[str, Any]) -> Mapping[str, Any]:
    state = job.get("state", {})
    if not state.get("reason"):
        return job
    reason = told(caller, about, JobStatus(state["status"]), Reason.model_validate(state["reason"]))
    return {**job, "state": {**state, "reason": reason.model_dump(mode="json") if reason is not None else None}}
