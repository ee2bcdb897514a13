"""What can happen to a job: commands of people and of the scheduler, and what executors observed of its runs."""

from dataclasses import dataclass
from datetime import datetime

from shared.contracts.events import RunEvent, RunExited, RunLost, RunRefused, RunStarted, RunStopped
from shared.contracts.job import Allocation, Reason


@dataclass(frozen=True)
class Checkpoint:
    """What a run's node said of its last checkpoint; `written_at` is none if it has written none."""

    written_at: datetime | None


@dataclass(frozen=True)
class Place:
    """The scheduler gives it a place."""

    allocation: Allocation


@dataclass(frozen=True)
class Preempt:
    """The scheduler needs its place for another."""

    reason: Reason
    checkpoint: Checkpoint | None = None
    """None: its node did not say in time."""


@dataclass(frozen=True)
class Pause:
    """A person stops it for later."""

    checkpoint: Checkpoint | None = None
    """None: nothing runs, or its node did not say in time."""


@dataclass(frozen=True)
class Resume:
    """A person queues it again."""


@dataclass(frozen=True)
class Kill:
    """A person ends it, or a service, which says why."""

    reason: Reason | None = None


@dataclass(frozen=True)
class DependencyFailed:
    """A job that it waits for did not finish."""

    reason: Reason


@dataclass(frozen=True)
class Expiring:
    """Its `max_duration_s` is nearly over."""


@dataclass(frozen=True)
class Expired:
    """Its `max_duration_s` is over."""


@dataclass(frozen=True)
class SetPriority:
    """A person moves it in the queue."""

    priority: int


Signal = Place | Preempt | Pause | Resume | Kill | DependencyFailed | Expiring | Expired | SetPriority | RunEvent

COMMANDS: tuple[type[Signal], ...] = (
    Place,
    Preempt,
    Pause,
    Resume,
    Kill,
    DependencyFailed,
    Expiring,
    Expired,
    SetPriority,
)
RUN_SIGNALS: tuple[type[RunEvent], ...] = (RunStarted, RunExited, RunStopped, RunLost, RunRefused)
SIGNALS: tuple[type[Signal], ...] = (*COMMANDS, *RUN_SIGNALS)
