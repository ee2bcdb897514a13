"""What each row of the transition table does to a job's state."""

from datetime import datetime
from typing import Any

from services.jobs.domain import limits, reasons, receipts
from services.jobs.domain.document import JobDocument, Step
from services.jobs.domain.signals import (
    DependencyFailed,
    Expired,
    Expiring,
    Kill,
    Pause,
    Place,
    Preempt,
    Resume,
    SetPriority,
)
from shared.contracts import events
from shared.contracts.events import Receipt, RunExited, RunLost, RunRefused, RunStarted, RunStopped
from shared.contracts.job import IDLE, Actor, JobState, JobStatus, Reason

LOSSES_ALLOWED = 3


def _changed(state: JobState, **changes: Any) -> JobState:
    return state.model_copy(update=changes)


def _released(state: JobState, status: JobStatus, reason: Reason, **changes: Any) -> JobState:
    """The run is over: the devices are free."""
    return _changed(state, status=status, reason=reason, allocation=None, then=None, due_at=None, **changes)


def _leaving(state: JobState, status: JobStatus, then: JobStatus, reason: Reason) -> JobState:
    """The run was told to stop: its devices are held until it has, and its time limit says nothing any more."""
    return _changed(state, status=status, then=then, reason=reason, due_at=None)


def _running(job: JobDocument, started_at: datetime) -> JobState:
    due_at = limits.warns_at(started_at, job.request.max_duration_s)
    return _changed(job.state, status=JobStatus.RUNNING, started_at=started_at, due_at=due_at, reason=None, refusals=0)


def _ended(state: JobState, status: JobStatus, reason: Reason, now: datetime, **changes: Any) -> JobState:
    return _released(state, status, reason, finished_at=now, not_before=None, **changes)


def place(job: JobDocument, signal: Place, actor: Actor, now: datetime) -> list[Step]:
    attempt = job.state.attempt + 1
    state = _changed(
        job.state,
        status=JobStatus.SCHEDULING,
        attempt=attempt,
        allocation=signal.allocation,
        not_before=None,
        started_at=None,
        exit_code=None,
        reason=reasons.starting(signal.allocation, attempt),
    )
    return [Step(events.JobScheduled, state, {})]


def start(job: JobDocument, signal: RunStarted, actor: Actor, now: datetime) -> list[Step]:
    state = _running(job, signal.started_at)
    if job.request.image is not None and signal.uses_images is False:
        state = _changed(state, reason=reasons.image_not_used(signal.node, job.request.image))
    return [Step(events.JobStarted, state, {})]


def refuse(job: JobDocument, signal: RunRefused, actor: Actor, now: datetime) -> list[Step]:
    """Busy: back to its place in line, for another node; or, where no other would do, held for a while."""
    state = _with_result(job.state, signal)
    if signal.busy and signal.own:
        refusals = state.refusals + 1
        not_before = now + reasons.retry_delay(refusals, reasons.REFUSED_LONGEST_S)
        reason = reasons.start_refused(signal.reason, refusals, not_before)
        held = _released(state, JobStatus.QUEUED, reason, refusals=refusals, not_before=not_before)
        return [Step(events.JobReturned, held, {})]
    if signal.busy:
        return [Step(events.JobReturned, _released(state, JobStatus.QUEUED, signal.reason, refusals=0), {})]
    return [Step(events.JobErrored, _ended(state, JobStatus.ERROR, signal.reason, now), {})]


def exit_early(job: JobDocument, signal: RunExited | RunStopped, actor: Actor, now: datetime) -> list[Step]:
    """Its start was not seen yet: both facts in one change."""
    started = _running(job, signal.started_at or now)
    first = Step(events.JobStarted, started, {})
    running = job.model_copy(update={"state": started})
    if isinstance(signal, RunStopped):
        return [first, *stop_unasked(running, signal, actor, now)]
    return [first, *exit_(running, signal, actor, now)]


def exit_(job: JobDocument, signal: RunExited, actor: Actor, now: datetime) -> list[Step]:
    """By itself: finished, failed, or tried again; from pausing a retry goes where the pause leads."""
    state = _with_result(job.state, signal)
    ended = min(signal.ended_at, now)  # it may be told long after, when nobody was there to hear it
    if signal.exit_code == 0:
        return [Step(events.JobFinished, _ended(state, JobStatus.FINISHED, reasons.finished(), ended), {})]
    failures = state.failures + 1
    if failures > job.request.retries:
        reason = reasons.failed(signal, job.request)
        return [Step(events.JobFailed, _ended(state, JobStatus.FAILED, reason, ended, failures=failures), {})]
    not_before = now + reasons.retry_delay(failures)
    reason = reasons.retrying(signal, failures, job.request, not_before)
    if state.then is JobStatus.PAUSED:
        paused = _released(state, JobStatus.PAUSED, reason, failures=failures)
        return [Step(events.JobPaused, paused, _given(receipts.of_run(job, signal, now)))]
    queued = _released(state, JobStatus.QUEUED, reason, failures=failures, not_before=not_before)
    return [Step(events.JobRetried, queued, {})]


def lose(job: JobDocument, signal: RunLost, actor: Actor, now: datetime) -> list[Step]:
    return _lost(job, signal.reason, signal.log_lines, now)


def stop_unasked(job: JobDocument, signal: RunStopped, actor: Actor, now: datetime) -> list[Step]:
    """Stopped by somebody else than the platform: its work is not done, so it counts as lost."""
    return _lost(job, reasons.stopped_from_outside(), signal.log_lines, now)


def _lost(job: JobDocument, why: Reason, log_lines: int, now: datetime) -> list[Step]:
    losses = job.state.losses + 1
    state = _changed(job.state, losses=losses, refusals=0, log_lines=job.state.log_lines + log_lines)
    if losses > LOSSES_ALLOWED:
        return [Step(events.JobErrored, _ended(state, JobStatus.ERROR, reasons.lost_again(why, losses), now), {})]
    not_before = now + reasons.retry_delay(losses)
    queued = _released(state, JobStatus.QUEUED, reasons.lost(why, losses), not_before=not_before)
    return [Step(events.JobRetried, queued, {})]


def pause_waiting(job: JobDocument, signal: Pause, actor: Actor, now: datetime) -> list[Step]:
    receipt = receipts.of_waiting(job, actor, reasons.asked_to_pause(actor))
    reason = reasons.paused(receipt, job.request.grace_period_s)
    return [Step(events.JobPaused, _changed(job.state, status=JobStatus.PAUSED, reason=reason), _given(receipt))]


def pause(job: JobDocument, signal: Pause, actor: Actor, now: datetime) -> list[Step]:
    reason = reasons.pausing(actor, job.request.grace_period_s, signal.checkpoint)
    state = _leaving(job.state, JobStatus.PAUSING, JobStatus.PAUSED, reason)
    return [Step(events.JobPausing, state, {})]


def preempt(job: JobDocument, signal: Preempt, actor: Actor, now: datetime) -> list[Step]:
    reason = reasons.preempting(signal.reason, job.request.grace_period_s, signal.checkpoint)
    state = _leaving(job.state, JobStatus.PAUSING, JobStatus.QUEUED, reason)
    return [Step(events.JobPausing, state, {})]


def settle_pause(
    job: JobDocument, signal: RunStopped | RunLost | RunRefused, actor: Actor, now: datetime
) -> list[Step]:
    """The run is over as it was asked to: paused, or queued again for the next place."""
    state = _with_result(job.state, signal)
    receipt = receipts.of_run(job, signal, now)
    if state.then is JobStatus.PAUSED:
        reason = reasons.paused(receipt, job.request.grace_period_s)
        return [Step(events.JobPaused, _released(state, JobStatus.PAUSED, reason), _given(receipt))]
    queued = _released(state, JobStatus.QUEUED, reasons.preempted(receipt, state.reason))
    return [Step(events.JobPreempted, queued, _given(receipt))]


def resume(job: JobDocument, signal: Resume, actor: Actor, now: datetime) -> list[Step]:
    state = _changed(job.state, status=JobStatus.QUEUED, reason=reasons.resumed(actor), not_before=None)
    return [Step(events.JobResumed, state, {})]


def kill_waiting(job: JobDocument, signal: Kill | DependencyFailed, actor: Actor, now: datetime) -> list[Step]:
    reason = signal.reason or reasons.killed(actor.name)
    return [Step(events.JobKilled, _ended(job.state, JobStatus.KILLED, reason, now), {})]


def kill(job: JobDocument, signal: Kill, actor: Actor, now: datetime) -> list[Step]:
    reason = reasons.killing(actor, job.request.grace_period_s, signal.reason)
    return [Step(events.JobKilling, _leaving(job.state, JobStatus.KILLING, JobStatus.KILLED, reason), {})]


def warn(job: JobDocument, signal: Expiring, actor: Actor, now: datetime) -> list[Step]:
    """It runs on; what is due next is the end itself."""
    ends_at = limits.ends_at(job.state.started_at, job.request.max_duration_s)
    reason = reasons.near_limit(job.request.max_duration_s, ends_at)
    return [Step(events.JobExpiring, _changed(job.state, due_at=ends_at, reason=reason), {})]


def expire(job: JobDocument, signal: Expired, actor: Actor, now: datetime) -> list[Step]:
    reason = reasons.expiring(job.request.max_duration_s, job.request.grace_period_s)
    return [Step(events.JobKilling, _leaving(job.state, JobStatus.KILLING, JobStatus.FAILED, reason), {})]


def settle_kill(
    job: JobDocument, signal: RunStopped | RunExited | RunLost | RunRefused, actor: Actor, now: datetime
) -> list[Step]:
    state = _with_result(job.state, signal)
    if state.then is JobStatus.FAILED:
        reason = reasons.expired(job.request.max_duration_s, has_command=job.request.command != IDLE)
        return [Step(events.JobFailed, _ended(state, JobStatus.FAILED, reason, now), {})]
    reason = reasons.killed_as(state.reason) or reasons.killed(_who(job, events.JobKilling).name)
    return [Step(events.JobKilled, _ended(state, JobStatus.KILLED, reason, now), {})]


def set_priority(job: JobDocument, signal: SetPriority, actor: Actor, now: datetime) -> list[Step]:
    state = _changed(job.state, priority=signal.priority)
    return [Step(events.JobPriorityChanged, state, {"previous": job.state.priority})]


def _with_result(state: JobState, signal: RunStopped | RunExited | RunLost | RunRefused) -> JobState:
    lines = state.log_lines + signal.log_lines
    if isinstance(signal, RunLost | RunRefused):
        return _changed(state, log_lines=lines)
    started_at = state.started_at or signal.started_at
    return _changed(state, log_lines=lines, exit_code=signal.exit_code, started_at=started_at)


def _given(receipt: Receipt) -> events.Facts:
    return {"receipt": receipt.model_dump(mode="json")}


def _who(job: JobDocument, event: type[events.JobEvent]) -> Actor:
    """Who asked for the change that is now coming to its end."""
    return next(entry.actor for entry in reversed(job.history) if entry.fact == event.fact)
