"""The events of jobs that may end an attempt, and the attempt that each of them ended."""

from services.metrics.domain.attempt import Attempt, attempt_of
from shared.bus.codec import job_event
from shared.contracts import subjects
from shared.contracts.events import JOB_EVENTS, RunOver

ENDS: tuple[str, ...] = tuple(
    subjects.job_events_of(event) for event in JOB_EVENTS.values() if issubclass(event, RunOver)
)


def ended(subject: str, payload: bytes) -> Attempt | None:
    """None for an event that ended none. Raises PermanentError for what can't be read, or makes no sense."""
    event = job_event(subject, payload).data
    return attempt_of(event) if isinstance(event, RunOver) else None
