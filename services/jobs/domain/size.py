"""How many bytes of JSON answers about jobs take, estimated from above: a reply fits without being written twice.

Only what varies much is looked at. What is short by its contract (names, numbers, times, keys) is in the constants.
"""

from typing import Any

from services.jobs.domain.document import HistoryEntry, JobDocument, JobHead
from shared.contracts.job import JobRequest, JobState, Reason

REPLY_BYTES = 400_000
"""The most that a reply's jobs or events may take."""

JOB_BYTES, VIEW_BYTES, LAUNCH_BYTES, EVENT_BYTES = 1600, 1500, 600, 600
NOTIFY_BYTES = 40
SHARE_BYTES, DEVICE_BYTES = 200, 12
USAGE_BYTES = 700
"""What an attempt has used, its `reported` values aside."""


def job_size(job: JobHead) -> int:
    """Of the whole job."""
    request = job.request
    told = [(one.to, one.on) for one in request.notify]
    varied = (request.image, _image(job), request.labels, told)
    return JOB_BYTES + _varied(varied) + NOTIFY_BYTES * len(told) + _launched(request) + _reason(job.state.reason)


def view_size(request: JobRequest, state: JobState) -> int:
    """Of the job as the platform sees it in this state."""
    shares = state.allocation.shares if state.allocation is not None else ()
    held = sum(SHARE_BYTES + DEVICE_BYTES * len(share.devices) for share in shares)
    return VIEW_BYTES + _varied(request.labels) + held + _reason(state.reason)


def launch_size(job: JobHead) -> int:
    """Of what an executor needs to start the command."""
    return LAUNCH_BYTES + _varied((job.request.image, _image(job))) + _launched(job.request)


def event_size(job: JobDocument, entry: HistoryEntry) -> int:
    """Of one history entry as an event, with what is launched."""
    said = (entry.actor.model_dump(), entry.cause, job.correlation_id, entry.facts)
    launched = launch_size(job) if entry.fact == "scheduled" else 0
    used = USAGE_BYTES if "usage" in entry.facts else 0
    return EVENT_BYTES + _varied(said) + view_size(job.request, entry.state) + launched + used


def _launched(request: JobRequest) -> int:
    paths = (request.data_path, request.work_path, request.job_path, request.checkpoint_path)
    checkpoints = 0 if request.checkpoint_path else len(request.job_path or "") * 4  # under the job's path by default
    return _varied((request.command, request.env, request.secrets, paths)) + checkpoints


def _image(job: JobHead) -> object:
    return None if job.run_image is None else job.run_image.model_dump()


def _reason(reason: Reason | None) -> int:
    return 0 if reason is None else _varied((reason.code, reason.message, reason.details))


def _varied(value: Any) -> int:
    """Python writes no less than JSON but for quotes (1 byte for 2) and control characters (4 for 6)."""
    return 2 * len(repr(value).encode())
