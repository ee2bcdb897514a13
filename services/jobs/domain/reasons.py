"""The sentences that say why a job is where it is: a code for programs, which never changes, a message for people."""

from datetime import datetime, timedelta

from shared.contracts.events import RunEnded
from shared.contracts.job import Actor, JobRequest, Reason

RETRY_FIRST_S = 5.0
RETRY_LONGEST_S = 600.0


def retry_delay(failures: int) -> timedelta:
    """The wait before a retry: 5 s, doubled with each failure, at most 10 minutes."""
    return timedelta(seconds=min(RETRY_FIRST_S * 2 ** (failures - 1), RETRY_LONGEST_S))


def queued() -> Reason:
    return Reason(code="queued", message="Waits for the scheduler's next cycle.")


def starting(node: str, attempt: int) -> Reason:
    return Reason(
        code="starting",
        message=f"Node {node} is starting attempt {attempt}.",
        details={"node": node, "attempt": attempt},
    )


def pausing(actor: Actor, grace_period_s: int) -> Reason:
    message = f"{_by(actor)} asked it to pause; it has {grace_period_s} s to write a checkpoint."
    return Reason(code="pausing", message=message, details={"by": actor.name, "grace_period_s": grace_period_s})


def preempting(why: Reason, grace_period_s: int) -> Reason:
    message = f"It makes room and is queued again after at most {grace_period_s} s. {why.message}"
    return Reason(code="preempting", message=message, details={**why.details, "grace_period_s": grace_period_s})


def paused(actor: Actor) -> Reason:
    return Reason(
        code="paused", message=f"Paused by {_by(actor)}. Resume it to queue it again.", details={"by": actor.name}
    )


def preempted(why: Reason | None) -> Reason:
    details = why.details if why else {}
    return Reason(code="preempted", message="Made room for another job; waits for a place again.", details=details)


def resumed(actor: Actor) -> Reason:
    return Reason(code="resumed", message=f"Resumed by {_by(actor)}; waits for a place.", details={"by": actor.name})


def killing(actor: Actor, grace_period_s: int) -> Reason:
    message = f"{_by(actor)} asked to kill it; its processes are gone in at most {grace_period_s} s."
    return Reason(code="killing", message=message, details={"by": actor.name, "grace_period_s": grace_period_s})


def expiring(max_duration_s: int | None, grace_period_s: int) -> Reason:
    message = f"Its time limit of {max_duration_s} s is over; its processes are gone in at most {grace_period_s} s."
    return Reason(
        code="time_limit", message=message, details={"max_duration_s": max_duration_s, "grace_period_s": grace_period_s}
    )


def killed(by: str) -> Reason:
    return Reason(code="killed", message=f"Killed by {by}.", details={"by": by})


def expired(max_duration_s: int | None) -> Reason:
    message = f"It ran past its time limit of {max_duration_s} s. Submit it with a higher max_duration_s."
    return Reason(code="time_limit", message=message, details={"max_duration_s": max_duration_s})


def finished() -> Reason:
    return Reason(code="finished", message="The command ended with exit code 0.", details={"exit_code": 0})


def failed(ended: RunEnded, request: JobRequest) -> Reason:
    attempts = f" after {request.retries} retries" if request.retries else ""
    return Reason(
        code="command_failed",
        message=f"The command {_how(ended)}{attempts}. Its console shows what it said last.",
        details={"exit_code": ended.exit_code, "signal": ended.signal},
    )


def retrying(ended: RunEnded, failures: int, request: JobRequest, not_before: datetime) -> Reason:
    return Reason(
        code="retrying",
        message=f"The command {_how(ended)}; retry {failures} of {request.retries} follows.",
        details={"exit_code": ended.exit_code, "signal": ended.signal, "not_before": not_before.isoformat()},
    )


def lost_again(why: Reason, losses: int) -> Reason:
    message = f"Its run was lost {losses} times, so it is not tried again. {why.message}"
    return Reason(code="run_lost", message=message, details={**why.details, "losses": losses})


def lost(why: Reason, losses: int) -> Reason:
    message = f"Its run was lost; it is queued again. {why.message}"
    return Reason(code="run_lost", message=message, details={**why.details, "losses": losses})


def stopped_from_outside() -> Reason:
    return Reason(
        code="stopped_from_outside", message="Something outside of the platform stopped it, perhaps the machine's end."
    )


def _by(actor: Actor) -> str:
    return actor.name if actor.kind == "user" else f"the {actor.name}"


def _how(ended: RunEnded) -> str:
    if ended.signal:
        memory = ", perhaps for lack of memory" if ended.signal == "SIGKILL" else ""
        return f"was ended by {ended.signal}{memory}"
    return f"ended with exit code {ended.exit_code}"
