"""From a subject and bytes to the contract that travels there: the fact in the subject names the class."""

from pydantic import ValidationError

from shared.contracts.errors import PermanentError
from shared.contracts.events import JOB_EVENTS, RUN_EVENTS, CloudEvent, JobEvent, RunEvent
from shared.contracts.logs import LogChunk

_JOB = {fact: CloudEvent[event] for fact, event in JOB_EVENTS.items()}  # type: ignore[valid-type]
_RUN = {fact: CloudEvent[event] for fact, event in RUN_EVENTS.items()}  # type: ignore[valid-type]


class Undecodable(PermanentError):
    """The message is not what its subject says; it goes to the dead letters."""


def _fact(subject: str) -> str:
    parts = subject.split(".")
    return parts[2] if len(parts) > 2 else ""


def job_event(subject: str, payload: bytes) -> CloudEvent[JobEvent]:
    """An event of a job. Raises Undecodable."""
    try:
        return _JOB[_fact(subject)].model_validate_json(payload)
    except (KeyError, ValidationError) as error:
        raise Undecodable(f"{subject} does not carry a job event: {error}") from error


def run_event(subject: str, payload: bytes) -> CloudEvent[RunEvent]:
    """An event of a run. Raises Undecodable."""
    try:
        return _RUN[_fact(subject)].model_validate_json(payload)
    except (KeyError, ValidationError) as error:
        raise Undecodable(f"{subject} does not carry a run event: {error}") from error


def log_chunk(subject: str, payload: bytes) -> LogChunk:
    """A chunk of a console, with as many lines as it says, of the job that its subject names. Raises Undecodable."""
    try:
        chunk = LogChunk.model_validate_json(payload)
    except ValidationError as error:
        raise Undecodable(f"{subject} does not carry a log chunk: {error}") from error
    if subject.rsplit(".", 1)[-1] != chunk.job_id:
        raise Undecodable(f"{subject} carries lines of job {chunk.job_id}")
    there = chunk.text.count("\n") + 1 if chunk.segments else 0
    if there != chunk.count or (not chunk.segments and chunk.text):
        raise Undecodable(f"{subject} announces {chunk.count} lines and carries {there}")
    return chunk
