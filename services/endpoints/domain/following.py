"""What the state of a job means for its endpoints, whichever way it was learned: from an event, or by asking."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.endpoints.domain import reasons
from services.endpoints.domain.document import AFTERWARDS, EndpointDocument, RunPlace
from services.endpoints.domain.machine import JobOver, Keep, RunEnded, RunStarted, Signal
from shared.contracts.endpoints import EndpointKind
from shared.contracts.job import HOLDING, TERMINAL, JobStatus, JobView


@dataclass(frozen=True)
class Now:
    """What a decision takes from outside. `secret`: a new one; `keep_s`: how long TensorBoard outlives a job."""

    at: datetime
    secret: str
    keep_s: float


def signals_of(job: JobView, endpoint: EndpointDocument, now: Now) -> tuple[Signal, ...]:
    """What to tell the endpoint, in order.

    A run that is told to stop still takes people in until it has ended.
    """
    state = job.state
    if state.status in TERMINAL:
        return (_after_the_end(job, endpoint, now),)
    if state.status not in HOLDING or state.status is JobStatus.SCHEDULING:
        return (RunEnded(reasons.no_run()),)
    place = run_of(job, endpoint.rank)
    ended = endpoint.run is not None and endpoint.run != place
    first: tuple[Signal, ...] = (RunEnded(reasons.no_run()),) if ended else ()
    if place is None or state.status is not JobStatus.RUNNING:
        return first
    return (*first, RunStarted(place, now.secret))


def run_of(job: JobView, rank: int) -> RunPlace | None:
    """Where this rank of the present run is; None if the job holds no such place."""
    shares = job.state.allocation.shares if job.state.allocation is not None else ()
    own = (share for share in shares if share.rank == rank)
    return next((RunPlace(attempt=job.state.attempt, executor=share.answerer) for share in own), None)


def _after_the_end(job: JobView, endpoint: EndpointDocument, now: Now) -> Signal:
    """TensorBoard alone goes on for a time, of a job that has ever run."""
    finished, ran = job.state.finished_at, job.state.started_at is not None
    if endpoint.kind is EndpointKind.TENSORBOARD and finished is not None and ran:
        until = finished + timedelta(seconds=now.keep_s)
        if now.at < until:
            return Keep(AFTERWARDS, reasons.kept(until))
    return JobOver(reasons.job_over(job))
