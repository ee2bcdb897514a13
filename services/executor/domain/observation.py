"""What a run is, as its backend sees it: the one thing that all decisions on it start from."""

from dataclasses import dataclass

from services.executor.domain.reading import Reading
from shared.contracts.job import Reason


@dataclass(frozen=True)
class Waiting:
    """Nothing has started; a launch may be repeated."""


@dataclass(frozen=True)
class Started:
    """The run lives."""

    started_ns: int
    """Nanoseconds since 1970."""
    pid: int | None = None


@dataclass(frozen=True)
class Ended:
    """The run and every descendant are over, and its output is complete."""

    started_ns: int
    ended_ns: int
    exit_code: int
    signal: str | None
    stopped: bool
    """It ended after the SIGTERM."""
    forced: bool
    """It took a SIGKILL."""
    output_bytes: int
    totals: Reading | None = None
    """What it has used in all, by its supervisor's account."""


@dataclass(frozen=True)
class Cancelled:
    """Stopped before it started; it never will."""

    at_ns: int


@dataclass(frozen=True)
class Lost:
    """Gone without a result, and so is all that it had started."""

    reason: Reason


@dataclass(frozen=True)
class Refused:
    """The backend could not start it, and never will; `busy`: another time or elsewhere it might.

    `own`: the cause is the run's own or its virtual cluster's, so that no other node would mend it.
    """

    reason: Reason
    busy: bool = False
    own: bool = False


Observation = Waiting | Started | Ended | Cancelled | Lost | Refused

Live = Waiting | Started
"""It may still change."""

NODE_RESTARTED = Reason(code="node_restarted", message="The machine was restarted while the run was under way.")
