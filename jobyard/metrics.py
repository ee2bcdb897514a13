"""What a job uses over time, and what it reports."""

from datetime import datetime

from jobyard.calls import Calls, in_utc, job_path
from jobyard.models import JobMetrics
from jobyard.transport import parameters


class Measuring(Calls):
    """Part of a Client."""

    def metrics(
        self,
        job_id: str,
        *,
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        step: float | str | None = None,
    ) -> JobMetrics:
        """What a job used between two moments, one point each `step` seconds; else in its last hour.

        A moment may also be "-1h" for so long ago, and a step "15s". What was not measured has no series and no points.
        Raises NotFound, Forbidden, Invalid.
        """
        params = parameters(start=_moment(start), end=_moment(end), step=None if step is None else str(step))
        return self._read(JobMetrics, job_path(job_id, "metrics"), params)


def _moment(moment: datetime | str | None) -> str | None:
    return in_utc(moment) if isinstance(moment, datetime) else moment
