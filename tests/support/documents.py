"""Jobs in any status, made by the machine itself: each is reached by signals, never written down."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.jobs.domain.document import JobDocument
from services.jobs.domain.machine import decide
from services.jobs.domain.signals import Expired, Kill, Pause, Place, Preempt, Signal
from services.jobs.domain.submission import submit
from shared.contracts.commands.submission import NewJob
from shared.contracts.events import RunExited, RunLost, RunRefused, RunStarted, RunStopped
from shared.contracts.job import Actor, Allocation, JobRequest, JobStatus, Reason, Share

JOB_ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ADA = Actor(kind="user", name="ada")
WHY = Reason(code="test", message="Because of the test.")
ALLOCATION = Allocation(shares=(Share(node="node-1", devices=(0, 1)),))


def new_job(id: str = JOB_ID, **request: Any) -> NewJob:
    return NewJob(id=id, owner="ada", request=JobRequest(**({"name": "train", "command": "true"} | request)))


def queued(**request: Any) -> JobDocument:
    return submit(new_job(**request), NOW)


def after(job: JobDocument, *signals: Signal) -> JobDocument:
    """The job after these signals, a second apart."""
    for number, signal in enumerate(signals, start=1):
        job = decide(job, signal, ADA, None, NOW + timedelta(seconds=number))
    return job


def started(attempt: int = 1) -> RunStarted:
    return RunStarted(job_id=JOB_ID, vc="default", attempt=attempt, node="node-1", started_at=NOW)


def exited(code: int = 0, attempt: int = 1, lines: int = 10) -> RunExited:
    return RunExited(
        job_id=JOB_ID,
        vc="default",
        attempt=attempt,
        node="node-1",
        started_at=NOW,
        ended_at=NOW,
        exit_code=code,
        log_lines=lines,
    )


def stopped(attempt: int = 1, lines: int = 10) -> RunStopped:
    return RunStopped(
        job_id=JOB_ID,
        vc="default",
        attempt=attempt,
        node="node-1",
        started_at=NOW,
        ended_at=NOW,
        exit_code=0,
        log_lines=lines,
    )


def lost(attempt: int = 1) -> RunLost:
    return RunLost(job_id=JOB_ID, vc="default", attempt=attempt, node="node-1", reason=WHY)


def refused(busy: bool, attempt: int = 1, own: bool = False) -> RunRefused:
    return RunRefused(job_id=JOB_ID, vc="default", attempt=attempt, node="node-1", busy=busy, own=own, reason=WHY)


def in_status(status: JobStatus, then: JobStatus | None = None, **request: Any) -> JobDocument:
    """A job in this status, at attempt 1 where it has run."""
    place = Place(ALLOCATION)
    paths: dict[tuple[JobStatus, JobStatus | None], tuple[Signal, ...]] = {
        (JobStatus.QUEUED, None): (),
        (JobStatus.SCHEDULING, None): (place,),
        (JobStatus.RUNNING, None): (place, started()),
        (JobStatus.PAUSING, JobStatus.PAUSED): (place, started(), Pause()),
        (JobStatus.PAUSING, JobStatus.QUEUED): (place, started(), Preempt(WHY)),
        (JobStatus.PAUSED, None): (place, started(), Pause(), stopped()),
        (JobStatus.KILLING, JobStatus.KILLED): (place, started(), Kill()),
        (JobStatus.KILLING, JobStatus.FAILED): (place, started(), Expired()),
        (JobStatus.KILLED, None): (place, started(), Kill(), stopped()),
        (JobStatus.FINISHED, None): (place, started(), exited(0)),
        (JobStatus.FAILED, None): (place, started(), exited(1)),
        (JobStatus.ERROR, None): (place, refused(busy=False)),
    }
    default = {JobStatus.PAUSING: JobStatus.PAUSED, JobStatus.KILLING: JobStatus.KILLED}
    return after(queued(**request), *paths[status, then or default.get(status)])
