"""Why an endpoint is where it is: a constant for programs, and a sentence that people can act on."""

import re
from datetime import datetime

from shared.contracts.base import in_words, rfc3339
from shared.contracts.endpoints import NAME, NAMES
from shared.contracts.job import JobView, Reason

CLOSING = "closing_idle"
JOB_OVER = "job_over"
AGAIN = "While the job is not over, adding it again opens it."


def no_run() -> Reason:
    """The job goes on, or has yet to begin. Connections and kernels of an earlier run went with it."""
    return Reason(code="no_run", message="The job does not run now; its endpoints open when it does.")


def job_over(job: JobView) -> Reason:
    return Reason(code=JOB_OVER, message=f"The job is over ({job.state.status}), and its endpoints with it.")


def kept(until: datetime) -> Reason:
    return Reason(
        code="kept",
        message=f"The job is over; what it wrote for TensorBoard can be looked at until {in_words(until)}.",
        details={"until": rfc3339(until)},
    )


def removed(by: str) -> Reason:
    return Reason(code="removed", message=f"{by} has closed it. {AGAIN}")


def idle(seconds: int) -> Reason:
    return Reason(
        code="idle",
        message=f"Nobody has used it for {_span(seconds)}, as long as the virtual cluster allows. {AGAIN}",
        details={"endpoint_idle_s": seconds},
    )


def job_idle(seconds: int) -> Reason:
    """Why a job without a command ends: there is no other use of it."""
    return Reason(
        code="idle",
        message=f"Nobody has used any way into it for {_span(seconds)}, and it has no command of its own.",
        details={"endpoint_idle_s": seconds},
    )


def closing(seconds: int, closes_at: datetime) -> Reason:
    return Reason(
        code=CLOSING,
        message=f"Nobody uses it. It closes at {in_words(closes_at)}; using it keeps it open.",
        details={"endpoint_idle_s": seconds, "closes_at": rfc3339(closes_at)},
    )


def absent(job_id: str, name: str) -> str:
    """Why there is no way in under this name, which may be one that no endpoint can have."""
    if not re.fullmatch(NAME, name):
        return f"There is no endpoint of this name; endpoints are {NAMES}."
    return (
        f"Job {job_id} has no endpoint '{name}'. "
        f"While the job is not over, `jobyard endpoint add {job_id} {name}` opens it."
    )


def _span(seconds: int) -> str:
    if seconds >= 7200:
        return f"{seconds // 3600} hours"
    return f"{seconds // 60} minutes" if seconds >= 120 else f"{seconds} s"
