"""Why an endpoint is where it is: a constant for programs, and a sentence that people can act on."""

from datetime import datetime

from shared.contracts.base import rfc3339
from shared.contracts.job import JobView, Reason

CLOSING = "closing_idle"
JOB_OVER = "job_over"


def no_run() -> Reason:
    """The job goes on, or has yet to begin. Connections and kernels of an earlier run went with it."""
    return Reason(code="no_run", message="The job does not run now; its endpoints open when it does.")


def job_over(job: JobView) -> Reason:
    return Reason(code=JOB_OVER, message=f"The job is over ({job.state.status}), and its endpoints with it.")


def kept(until: datetime) -> Reason:
    return Reason(
        code="kept",
        message=f"The job is over; what it wrote for TensorBoard can be looked at until {until:%d %b %H:%M} UTC.",
        details={"until": rfc3339(until)},
    )


def removed(by: str) -> Reason:
    return Reason(code="removed", message=f"{by} has closed it. Add it again to use it.")


def idle(seconds: int) -> Reason:
    return Reason(
        code="idle",
        message=f"Nobody has used it for {_span(seconds)}, as long as the virtual cluster allows. Add it again.",
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
        message=f"Nobody uses it. It closes at {closes_at:%H:%M} UTC; using it keeps it open.",
        details={"endpoint_idle_s": seconds, "closes_at": rfc3339(closes_at)},
    )


def _span(seconds: int) -> str:
    if seconds >= 7200:
        return f"{seconds // 3600} hours"
    return f"{seconds // 60} minutes" if seconds >= 120 else f"{seconds} s"
