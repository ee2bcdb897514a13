"""Whether a job meets a list's conditions: the one meaning of each, whatever of it an index has found already."""

from datetime import datetime

from services.jobs.domain.document import JobHead
from shared.contracts.commands.lists import ListJobs
from shared.contracts.job import JobStatus


def matches(job: JobHead, ask: ListJobs) -> bool:
    """All of them; a condition that is not set holds for every job."""
    request = job.request
    return (
        ask.owner in (None, job.owner)
        and (ask.vcs is None or request.vc in ask.vcs)
        and (not ask.statuses or job.state.status in ask.statuses)
        and ask.device_type in (None, request.device_type)
        and ask.preemptible in (None, request.preemptible)
        and (ask.submitted_after is None or job.submitted_at >= ask.submitted_after)
        and (ask.submitted_before is None or job.submitted_at < ask.submitted_before)
        and _within(job.state.finished_at, ask.finished_after, ask.finished_before)
        and (ask.q is None or job.id == ask.q.upper() or request.name.startswith(ask.q))
        and ask.labels.items() <= request.labels.items()
    )


def _within(moment: datetime | None, low: datetime | None, high: datetime | None) -> bool:
    """Whether it lies in [low, high); what has not happened yet lies in no range, and without bounds there is none."""
    if low is None and high is None:
        return True
    return moment is not None and (low is None or moment >= low) and (high is None or moment < high)


def statuses_in_order(statuses: tuple[JobStatus, ...]) -> tuple[JobStatus, ...]:
    """Each once, as a job goes through them: who reads them one by one meets a job that moves on, at its next place."""
    return tuple(status for status in JobStatus if status in statuses)
