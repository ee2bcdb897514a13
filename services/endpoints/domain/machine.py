"""The transition table over (status, signal): the one place that says what may happen to an endpoint.

`decide` is total: every pair is in TABLE, or it is ignored: late news, or what is already so. The page
docs/endpoint-states.md is drawn from this table, and `tests/unit/endpoints/test_machine.py` goes through every pair.
Signals of another run than the one that the endpoint leads into are dropped before the table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from services.endpoints.domain import reasons
from services.endpoints.domain.document import EndpointDocument, Entry, Fact, RunPlace
from services.endpoints.domain.visits import is_news, without_old
from shared.contracts.base import UserName
from shared.contracts.endpoints import EndpointStatus, Port, Rank
from shared.contracts.job import Actor, Reason

Status = EndpointStatus
Changes = dict[str, Any]


@dataclass(frozen=True)
class Ask:
    """Somebody wants it, again."""

    by: UserName
    rank: Rank = 0


@dataclass(frozen=True)
class RunStarted:
    """A run of the job is there to be led into. `secret`: a new one, for the program behind the door."""

    run: RunPlace
    secret: str


@dataclass(frozen=True)
class Opened:
    """It can be used. `target`: the run's port that the door connects to."""

    run: RunPlace
    target: Port | None = None


@dataclass(frozen=True)
class Broken:
    """It could not be opened, or the program behind it died."""

    run: RunPlace
    reason: Reason


@dataclass(frozen=True)
class RunEnded:
    """The run is over while the job goes on; the next one makes it ready again."""

    reason: Reason


@dataclass(frozen=True)
class Used:
    """It was used at this moment; `by` nobody: its program works."""

    at: datetime
    by: UserName | None = None


@dataclass(frozen=True)
class Entered:
    """The actor came in, with the SSH key of this name if with any."""

    key: str | None = None


@dataclass(frozen=True)
class TicketIssued:
    """The actor was given a way in for a browser."""


@dataclass(frozen=True)
class Unused:
    """Nobody has used it for so long that it will be closed soon."""

    reason: Reason


@dataclass(frozen=True)
class Idle:
    """Nobody has used it for as long as the virtual cluster allows."""

    reason: Reason


@dataclass(frozen=True)
class Close:
    """Nobody wants it any more."""

    reason: Reason


@dataclass(frozen=True)
class Keep:
    """The job has come to its end, and the platform itself shows what it left, for a time."""

    run: RunPlace
    reason: Reason


@dataclass(frozen=True)
class JobOver:
    """The job has come to its end."""

    reason: Reason


@dataclass(frozen=True)
class Stopped:
    """The program of a closed one is gone, or never was."""

    run: RunPlace


Signal = (
    Ask
    | RunStarted
    | Opened
    | Broken
    | RunEnded
    | Used
    | Entered
    | TicketIssued
    | Unused
    | Idle
    | Close
    | Keep
    | JobOver
    | Stopped
)
SIGNALS: tuple[type[Signal], ...] = get_args(Signal)


@dataclass(frozen=True)
class Row:
    """What a signal does to an endpoint in one of these statuses: where it leads, and the event that says so."""

    sources: tuple[EndpointStatus, ...]
    signals: tuple[type[Signal], ...]
    target: EndpointStatus | None
    """None: it stays where it is."""
    fact: Fact | None
    effect: Callable[[EndpointDocument, Any], Changes]


def _ask(endpoint: EndpointDocument, signal: Ask) -> Changes:
    return {"requested_by": signal.by, "rank": signal.rank, "reason": None, "run": None, "target": None, "secret": None}


def _start(endpoint: EndpointDocument, signal: RunStarted) -> Changes:
    return {"run": signal.run, "reason": None, "target": None, "secret": signal.secret}


def _open(endpoint: EndpointDocument, signal: Opened) -> Changes:
    return {"target": signal.target, "reason": None}


def _break(endpoint: EndpointDocument, signal: Broken) -> Changes:
    return {"reason": signal.reason, "target": None}


def _wait(endpoint: EndpointDocument, signal: RunEnded) -> Changes:
    return {"reason": signal.reason, "run": None, "target": None, "secret": None}


def _use(endpoint: EndpointDocument, signal: Used) -> Changes:
    """Replicas write down what each has seen, in any order: the latest counts."""
    if endpoint.last_used_at is not None and endpoint.last_used_at >= signal.at:
        return {}
    warned = endpoint.reason is not None and endpoint.reason.code == reasons.CLOSING
    by = signal.by or endpoint.last_used_by
    return {"last_used_at": signal.at, "last_used_by": by, "reason": None if warned else endpoint.reason}


def _note(endpoint: EndpointDocument, signal: Entered | TicketIssued) -> Changes:
    """Only the event; it is told also when the endpoint has closed meanwhile."""
    return {}


def _warn(endpoint: EndpointDocument, signal: Unused) -> Changes:
    return {"reason": signal.reason}


def _close(endpoint: EndpointDocument, signal: Close | Idle) -> Changes:
    """The run and the secret stay until the program behind it, which is named by them, has been stopped."""
    return {"reason": signal.reason, "target": None}


def _keep(endpoint: EndpointDocument, signal: Keep) -> Changes:
    return {"run": signal.run, "reason": signal.reason, "target": KEPT_PORT, "secret": None}


def _end(endpoint: EndpointDocument, signal: JobOver) -> Changes:
    return {"reason": signal.reason, "run": None, "target": None, "secret": None}


def _forget(endpoint: EndpointDocument, signal: Stopped | RunEnded | JobOver) -> Changes:
    return {"run": None, "secret": None}


_OPEN = (Status.REQUESTED, Status.STARTING, Status.READY, Status.FAILED)

ROWS: tuple[Row, ...] = (
    Row((Status.FAILED, Status.CLOSED), (Ask,), Status.REQUESTED, "requested", _ask),
    Row((Status.REQUESTED,), (RunStarted,), Status.STARTING, None, _start),
    Row((Status.STARTING,), (Opened,), Status.READY, "ready", _open),
    Row((Status.STARTING, Status.READY), (Broken,), Status.FAILED, "failed", _break),
    Row((Status.STARTING, Status.READY, Status.FAILED), (RunEnded,), Status.REQUESTED, "requested", _wait),
    Row((Status.READY,), (Used,), Status.READY, None, _use),
    Row((Status.READY,), (Unused,), Status.READY, "closing", _warn),
    Row((Status.READY,), (Idle,), Status.CLOSED, "closed", _close),
    Row(_OPEN, (Close,), Status.CLOSED, "closed", _close),
    Row(_OPEN, (Keep,), Status.READY, "ready", _keep),
    Row(_OPEN, (JobOver,), Status.CLOSED, "closed", _end),
    Row((Status.CLOSED,), (Stopped, RunEnded, JobOver), Status.CLOSED, None, _forget),
    Row(tuple(Status), (Entered,), None, "entered", _note),
    Row(tuple(Status), (TicketIssued,), None, "ticket_issued", _note),
)

TABLE: dict[tuple[EndpointStatus, type[Signal]], Row] = {
    (source, signal): row for row in ROWS for source in row.sources for signal in row.signals
}


def decide(
    endpoint: EndpointDocument, signal: Signal, actor: Actor, now: datetime, cause: str | None = None
) -> EndpointDocument:
    """The endpoint after the signal; the same object if nothing changes."""
    if isinstance(signal, Opened | Broken | Stopped) and signal.run != endpoint.run:
        return endpoint
    if isinstance(signal, Keep) and signal.run == endpoint.run:
        return endpoint
    row = TABLE.get((endpoint.status, type(signal)))
    if row is None:
        return endpoint
    key = signal.key if isinstance(signal, Entered) else None
    changes = row.effect(endpoint, signal)
    if isinstance(signal, Entered | TicketIssued):
        if row.fact is None or not is_news(endpoint.history, row.fact, actor, key, now):
            return endpoint
    elif row.target is endpoint.status and all(getattr(endpoint, name) == value for name, value in changes.items()):
        return endpoint
    version, history = endpoint.version + 1, endpoint.history
    if row.fact is not None:
        run: RunPlace | None = changes.get("run", endpoint.run)
        attempt = run.attempt if run is not None and row.fact == "ready" else None
        reason = changes.get("reason")
        history += (
            Entry(
                version=version,
                fact=row.fact,
                time=now,
                actor=actor,
                reason=reason,
                attempt=attempt,
                cause=cause,
                key=key,
            ),
        )
    return endpoint.model_copy(
        update={
            **changes,
            "version": version,
            "status": row.target or endpoint.status,
            "history": without_old(history)[-HISTORY:],
        }
    )


KEPT_PORT = 6006
"""Stands where a port of a run would; the platform's own process listens wherever it can."""

HISTORY = 200
"""What is kept of an endpoint's facts; they are published long before."""
