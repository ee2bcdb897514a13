"""The sentences that say why a job is where it is: a code for programs, which never changes, a message for people."""

from datetime import datetime, timedelta

from services.jobs.domain.receipts import PAUSE_COMMAND
from services.jobs.domain.signals import Checkpoint
from shared.contracts.base import in_words, rfc3339
from shared.contracts.events import Facts, Receipt, RunExited
from shared.contracts.job import START_REFUSED, Actor, Allocation, JobRequest, Reason

NODES_NAMED = 5
"""A reason names at most so many, to stay short."""

RETRY_FIRST_S = 5.0
RETRY_LONGEST_S = 600.0


REFUSED_LONGEST_S = 300.0
"""Somebody may wait for a quota for days, and a job changes twice with each start that is refused."""


def retry_delay(failures: int, longest_s: float = RETRY_LONGEST_S) -> timedelta:
    """The wait before a retry: 5 s, doubled with each failure, at most 10 minutes."""
    return timedelta(seconds=min(RETRY_FIRST_S * 2 ** min(failures - 1, 30), longest_s))


def queued() -> Reason:
    return Reason(code="queued", message="Waits for the scheduler's next cycle.")


def starting(allocation: Allocation, attempt: int) -> Reason:
    nodes = list(dict.fromkeys(share.node for share in allocation.shares))
    details: Facts = {"node": nodes[0], "attempt": attempt}
    if len(nodes) == 1:
        return Reason(code="starting", message=f"Node {nodes[0]} is starting attempt {attempt}.", details=details)
    named = ", ".join(nodes[:NODES_NAMED]) + (", ..." if len(nodes) > NODES_NAMED else "")
    return Reason(
        code="starting",
        message=f"The nodes {named} are starting attempt {attempt}.",
        details={**details, "nodes": list(nodes)},
    )


def image_not_used(node: str, image: str) -> Reason:
    return Reason(
        code="image_not_used",
        message=f"Node {node} runs jobs on the host itself: the image {image} is not used.",
        details={"node": node, "image": image},
    )


def asked_to_pause(actor: Actor) -> str:
    return f"{_by(actor)} asked it to pause."


def pausing(actor: Actor, grace_period_s: int, checkpoint: Checkpoint | None) -> Reason:
    message = f"{_by(actor)} asked it to pause; it has {grace_period_s} s to write a checkpoint.{_last(checkpoint)}"
    details: Facts = {
        "by": actor.name,
        "rule": PAUSE_COMMAND,
        "why": asked_to_pause(actor),
        "grace_period_s": grace_period_s,
        **_known(checkpoint),
    }
    return Reason(code="pausing", message=message, details=details)


def preempting(why: Reason, grace_period_s: int, checkpoint: Checkpoint | None) -> Reason:
    message = f"It makes room and is queued again after at most {grace_period_s} s. {why.message}{_last(checkpoint)}"
    details: Facts = {
        **why.details,
        "rule": why.code,
        "why": why.message,
        "grace_period_s": grace_period_s,
        **_known(checkpoint),
    }
    return Reason(code="preempting", message=message, details=details)


def paused(receipt: Receipt, grace_period_s: int) -> Reason:
    message = f"Paused by {_by(receipt.by)}. Resume it to queue it again."
    details: Facts = {"by": receipt.by.name, "rule": receipt.rule, "grace_period_s": grace_period_s}
    return Reason(code="paused", message=message + _kept(receipt), details={**details, **_cost(receipt)})


def preempted(receipt: Receipt, why: Reason | None) -> Reason:
    message = "Made room for another job; waits for a place again."
    details = {**(why.details if why else {}), **_cost(receipt)}
    return Reason(code="preempted", message=message + _kept(receipt), details=details)


def _last(checkpoint: Checkpoint | None) -> str:
    """What is known of the last checkpoint, as a further sentence."""
    if checkpoint is None:
        return ""
    if checkpoint.written_at is None:
        return " It has written no checkpoint yet."
    return f" Its last one was written at {in_words(checkpoint.written_at)}."


def _known(checkpoint: Checkpoint | None) -> Facts:
    if checkpoint is None:
        return {}
    return {"checkpoint_at": rfc3339(checkpoint.written_at) if checkpoint.written_at else None}


def _kept(receipt: Receipt) -> str:
    if receipt.stopped_at is None:
        return ""
    if receipt.checkpoint_at is None:
        return " It has written no checkpoint."
    return f" Its last checkpoint was written at {in_words(receipt.checkpoint_at)}."


def _cost(receipt: Receipt) -> Facts:
    if receipt.stopped_at is None:
        return {}
    checkpoint_at = rfc3339(receipt.checkpoint_at) if receipt.checkpoint_at else None
    return {"checkpoint_at": checkpoint_at, "minutes_lost": receipt.minutes_lost, "unit": receipt.unit}


def resumed(actor: Actor) -> Reason:
    return Reason(code="resumed", message=f"Resumed by {_by(actor)}; waits for a place.", details={"by": actor.name})


WHY = "why"
"""In the details of `killing`, `run_lost` and `start_refused`: what a service gave as its reason."""


def start_refused(why: Reason, refusals: int, not_before: datetime) -> Reason:
    return Reason(
        code=START_REFUSED,
        message=f"{why.message} No other node would start it either; it is tried again from {in_words(not_before)} on.",
        details={"refusals": refusals, "not_before": rfc3339(not_before), WHY: why.model_dump(mode="json")},
    )


def killing(actor: Actor, grace_period_s: int, why: Reason | None) -> Reason:
    """`why`: of a service, which has no wish of its own."""
    details: Facts = {"by": actor.name, "grace_period_s": grace_period_s}
    gone = f"its processes are gone in at most {grace_period_s} s."
    if why is None:
        return Reason(code="killing", message=f"{_by(actor)} asked to kill it; {gone}", details=details)
    return Reason(
        code="killing",
        message=f"{why.message} It is being ended; {gone}",
        details=details | {WHY: why.model_dump(mode="json")},
    )


def killed_as(killing: Reason | None) -> Reason | None:
    """What a service gave as its reason when it asked for the kill that is now done; none: a person asked."""
    why = killing.details.get(WHY) if killing is not None else None
    return Reason.model_validate(why) if why is not None else None


def near_limit(max_duration_s: int | None, ends_at: datetime | None) -> Reason:
    end = in_words(ends_at) if ends_at else "its end"
    return Reason(
        code="time_limit_near",
        message=f"Its time limit of {max_duration_s} s is nearly over: at {end} it is stopped and counts as failed.",
        details={"max_duration_s": max_duration_s, "ends_at": rfc3339(ends_at) if ends_at else None},
    )


def expiring(max_duration_s: int | None, grace_period_s: int) -> Reason:
    message = f"Its time limit of {max_duration_s} s is over; its processes are gone in at most {grace_period_s} s."
    return Reason(
        code="time_limit", message=message, details={"max_duration_s": max_duration_s, "grace_period_s": grace_period_s}
    )


def killed(by: str) -> Reason:
    return Reason(code="killed", message=f"Killed by {by}.", details={"by": by})


def expired(max_duration_s: int | None, *, has_command: bool = True) -> Reason:
    limit = f"its time limit of {max_duration_s} s"
    if has_command:
        message = f"It ran past {limit}. Submit it with a higher max_duration_s."
    else:
        message = f"It was open for {limit}, and has no command of its own. Submit another with a higher one."
    return Reason(code="time_limit", message=message, details={"max_duration_s": max_duration_s})


def finished() -> Reason:
    return Reason(code="finished", message="The command ended with exit code 0.", details={"exit_code": 0})


def failed(ended: RunExited, request: JobRequest) -> Reason:
    attempts = f" after {request.retries} retries" if request.retries else ""
    return Reason(
        code="command_failed",
        message=f"{_who(ended)} {_how(ended)}{attempts}. Its console shows what it said last.",
        details={"exit_code": ended.exit_code, "signal": ended.signal, **_by_rank(ended)},
    )


def retrying(ended: RunExited, failures: int, request: JobRequest, not_before: datetime) -> Reason:
    return Reason(
        code="retrying",
        message=f"{_who(ended)} {_how(ended)}; retry {failures} of {request.retries} follows.",
        details={
            "exit_code": ended.exit_code,
            "signal": ended.signal,
            "not_before": rfc3339(not_before),
            **_by_rank(ended),
        },
    )


def lost_again(why: Reason, losses: int) -> Reason:
    message = f"Its run was lost {losses} times, so it is not tried again. {why.message}"
    return Reason(code="run_lost", message=message, details=_loss(why, losses))


def lost(why: Reason, losses: int) -> Reason:
    message = f"Its run was lost; it is queued again. {why.message}"
    return Reason(code="run_lost", message=message, details=_loss(why, losses))


def _loss(why: Reason, losses: int) -> Facts:
    return {**why.details, "losses": losses, WHY: why.model_dump(mode="json")}


def stopped_from_outside() -> Reason:
    return Reason(
        code="stopped_from_outside", message="Something outside of the platform stopped it, perhaps the machine's end."
    )


def _by(actor: Actor) -> str:
    return actor.name if actor.kind == "user" else f"the {actor.name}"


RANK = "rank"
"""In the details of a failure: which of several ranks failed first."""


def _who(ended: RunExited) -> str:
    return "The command" if ended.rank is None else f"Rank {ended.rank} on node {ended.node}"


def _by_rank(ended: RunExited) -> Facts:
    return {} if ended.rank is None else {RANK: ended.rank, "node": ended.node}


def _how(ended: RunExited) -> str:
    if ended.signal:
        memory = ", perhaps for lack of memory" if ended.signal == "SIGKILL" else ""
        return f"was ended by {ended.signal}{memory}"
    return f"ended with exit code {ended.exit_code}"
