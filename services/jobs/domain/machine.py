"""The transition table over (status, signal): the one place that says what may happen to a job.

`decide` is total: every pair is in TABLE, in IGNORED, in REPEATED, or raises InvalidTransition. The state diagram in
docs/ is drawn from this table, and `tests/unit/jobs/test_machine.py` goes through every pair.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.jobs.domain import effects, limits, usage
from services.jobs.domain.document import HistoryEntry, JobDocument, Step, append
from services.jobs.domain.signals import (
    RUN_SIGNALS,
    SIGNALS,
    DependencyFailed,
    Expired,
    Expiring,
    Kill,
    Pause,
    Place,
    Preempt,
    Resume,
    SetPriority,
    Signal,
)
from shared.contracts import events
from shared.contracts.events import JobEvent, RunEvent, RunExited, RunLost, RunRefused, RunStarted, RunStopped
from shared.contracts.job import HOLDING, TERMINAL, Actor, JobStatus

Status = JobStatus
Effect = Callable[[JobDocument, Any, Actor, datetime], list[Step]]


@dataclass(frozen=True)
class Arrow:
    """One way out of a row: the status it leads to, the event that says so, and in which case."""

    target: JobStatus
    event: type[JobEvent]
    when: str = ""


@dataclass(frozen=True)
class Row:
    """What a signal does to a job in one of these statuses."""

    sources: tuple[JobStatus, ...]
    signals: tuple[type[Signal], ...]
    effect: Effect
    arrows: tuple[Arrow, ...]


_EXITED = (
    Arrow(Status.FINISHED, events.JobFinished, "exit code 0"),
    Arrow(Status.FAILED, events.JobFailed, "another exit code"),
    Arrow(Status.QUEUED, events.JobRetried, "another exit code, with a retry left"),
)
_LOST = (
    Arrow(Status.QUEUED, events.JobRetried, "up to 3 times"),
    Arrow(Status.ERROR, events.JobErrored, "then"),
)

ROWS: tuple[Row, ...] = (
    Row((Status.QUEUED,), (Place,), effects.place, (Arrow(Status.SCHEDULING, events.JobScheduled),)),
    Row((Status.SCHEDULING,), (RunStarted,), effects.start, (Arrow(Status.RUNNING, events.JobStarted),)),
    Row(
        (Status.SCHEDULING,),
        (RunRefused,),
        effects.refuse,
        (
            Arrow(Status.QUEUED, events.JobReturned, "busy"),
            Arrow(Status.ERROR, events.JobErrored, "permanent"),
        ),
    ),
    Row((Status.SCHEDULING,), (RunExited,), effects.exit_early, _EXITED),
    Row((Status.SCHEDULING,), (RunStopped,), effects.exit_early, _LOST),
    Row((Status.RUNNING,), (RunExited,), effects.exit_, _EXITED),
    Row((Status.RUNNING,), (RunStopped,), effects.stop_unasked, _LOST),
    Row((Status.SCHEDULING, Status.RUNNING), (RunLost,), effects.lose, _LOST),
    Row((Status.QUEUED,), (Pause,), effects.pause_waiting, (Arrow(Status.PAUSED, events.JobPaused),)),
    Row(
        (Status.SCHEDULING, Status.RUNNING, Status.PAUSING),
        (Pause,),
        effects.pause,
        (Arrow(Status.PAUSING, events.JobPausing, "then paused"),),
    ),
    Row(
        (Status.SCHEDULING, Status.RUNNING),
        (Preempt,),
        effects.preempt,
        (Arrow(Status.PAUSING, events.JobPausing, "then queued"),),
    ),
    Row(
        (Status.PAUSING,),
        (RunStopped, RunLost, RunRefused),
        effects.settle_pause,
        (
            Arrow(Status.PAUSED, events.JobPaused, "then paused"),
            Arrow(Status.QUEUED, events.JobPreempted, "then queued"),
        ),
    ),
    Row(
        (Status.PAUSING,),
        (RunExited,),
        effects.exit_,
        (*_EXITED, Arrow(Status.PAUSED, events.JobPaused, "another exit code, with a retry left, then paused")),
    ),
    Row((Status.PAUSED,), (Resume,), effects.resume, (Arrow(Status.QUEUED, events.JobResumed),)),
    Row(
        (Status.QUEUED, Status.PAUSED),
        (Kill, DependencyFailed),
        effects.kill_waiting,
        (Arrow(Status.KILLED, events.JobKilled),),
    ),
    Row(
        (Status.SCHEDULING, Status.RUNNING, Status.PAUSING),
        (Kill,),
        effects.kill,
        (Arrow(Status.KILLING, events.JobKilling, "then killed"),),
    ),
    Row((Status.RUNNING,), (Expiring,), effects.warn, (Arrow(Status.RUNNING, events.JobExpiring),)),
    Row((Status.RUNNING,), (Expired,), effects.expire, (Arrow(Status.KILLING, events.JobKilling, "then failed"),)),
    Row(
        (Status.KILLING,),
        (RunStopped, RunExited, RunLost, RunRefused),
        effects.settle_kill,
        (
            Arrow(Status.KILLED, events.JobKilled, "then killed"),
            Arrow(Status.FAILED, events.JobFailed, "then failed"),
        ),
    ),
    Row(
        (Status.QUEUED,),
        (SetPriority,),
        effects.set_priority,
        (Arrow(Status.QUEUED, events.JobPriorityChanged),),
    ),
    Row(
        (Status.SCHEDULING,),
        (SetPriority,),
        effects.set_priority,
        (Arrow(Status.SCHEDULING, events.JobPriorityChanged),),
    ),
    Row(
        (Status.PAUSED,),
        (SetPriority,),
        effects.set_priority,
        (Arrow(Status.PAUSED, events.JobPriorityChanged),),
    ),
)

TABLE: dict[tuple[JobStatus, type[Signal]], Row] = {
    (source, signal): row for row in ROWS for source in row.sources for signal in row.signals
}

IGNORED: frozenset[tuple[JobStatus, type[Signal]]] = frozenset(
    [(status, RunStarted) for status in (Status.PAUSING, Status.KILLING)]
    + [(status, signal) for status in TERMINAL for signal in RUN_SIGNALS]
    + [(status, Preempt) for status in Status if status not in (Status.SCHEDULING, Status.RUNNING)]
)
"""Late news, and a preemption of what no longer runs: nothing changes, nobody is told."""

REPEATED: frozenset[tuple[JobStatus, type[Signal]]] = frozenset(
    {
        (Status.RUNNING, RunStarted),
        (Status.PAUSED, Pause),
        (Status.QUEUED, Resume),
        (Status.KILLING, Kill),
        (Status.KILLED, Kill),
    }
)
"""What is already so; the job as it is answers. (Pause while pausing to paused, a priority that is the same,
and a warning that was given depend on more than the status: see `_is_so`.)"""


class InvalidTransition(Exception):
    """A signal that makes no sense in this status; carries the story so far."""

    def __init__(self, job: JobDocument, signal: type[Signal]) -> None:
        story = " -> ".join(f"{entry.version}:{entry.fact}" for entry in job.history[-8:])
        super().__init__(f"{signal.__name__} makes no sense while the job {job.id} is {job.status} ({story})")
        self.status = job.status
        self.signal = signal


def decide(job: JobDocument, signal: Signal, actor: Actor, cause: str | None, now: datetime) -> JobDocument:
    """The job after the signal; the same object if nothing changes. Raises InvalidTransition.

    Signals of another attempt than the one that holds devices now are dropped before the table.
    """
    if isinstance(signal, RunEvent) and not _is_current(job, signal):
        return job
    pair = (job.status, type(signal))
    if pair in IGNORED or pair in REPEATED or _is_so(job, signal):
        return job
    row = TABLE.get(pair)
    if row is None:
        raise InvalidTransition(job, type(signal))
    steps = row.effect(job, signal, actor, now)
    if isinstance(signal, RunEvent):
        steps = usage.told(job, steps, signal, now)
    return append(job, steps, actor, cause, now)


def _is_current(job: JobDocument, signal: RunEvent) -> bool:
    if job.status in TERMINAL:
        return True
    return signal.attempt == job.state.attempt and job.status in HOLDING


def _is_so(job: JobDocument, signal: Signal) -> bool:
    if isinstance(signal, Pause):
        return job.status is Status.PAUSING and job.state.then is Status.PAUSED
    if isinstance(signal, Expiring):
        ends_at = limits.ends_at(job.state.started_at, job.request.max_duration_s)
        return job.status is Status.RUNNING and ends_at is not None and job.state.due_at == ends_at
    if isinstance(signal, SetPriority):
        return (job.status, SetPriority) in TABLE and job.state.priority == signal.priority
    return False


__all__ = ["IGNORED", "REPEATED", "ROWS", "SIGNALS", "TABLE", "Arrow", "HistoryEntry", "InvalidTransition", "decide"]
