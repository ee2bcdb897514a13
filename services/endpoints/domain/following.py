"""What the state of a job means for its endpoints, whichever way it was learned: from an event, or by asking."""

from services.endpoints.domain import reasons
from services.endpoints.domain.document import EndpointDocument, RunPlace
from services.endpoints.domain.machine import JobOver, RunEnded, RunStarted, Signal
from shared.contracts.job import HOLDING, TERMINAL, JobStatus, JobView


def signals_of(job: JobView, endpoint: EndpointDocument, secret: str) -> tuple[Signal, ...]:
    """What to tell the endpoint, in order. `secret`: a new one, used if a run is there to be opened.

    A run that is told to stop still takes people in until it has ended.
    """
    state = job.state
    if state.status in TERMINAL:
        return (JobOver(reasons.job_over(job)),)
    if state.status not in HOLDING or state.status is JobStatus.SCHEDULING:
        return (RunEnded(reasons.no_run()),)
    place = run_of(job, endpoint.rank)
    ended = endpoint.run is not None and endpoint.run != place
    first: tuple[Signal, ...] = (RunEnded(reasons.no_run()),) if ended else ()
    if place is None or state.status is not JobStatus.RUNNING:
        return first
    return (*first, RunStarted(place, secret))


def run_of(job: JobView, rank: int) -> RunPlace | None:
    """Where this rank of the present run is; None if the job holds no such place."""
    shares = job.state.allocation.shares if job.state.allocation is not None else ()
    return next((RunPlace(attempt=job.state.attempt, node=share.node) for share in shares if share.rank == rank), None)
