"""What a job uses over time, and what it reports: looked at once, or again and again while it lives."""

import time
from collections.abc import Iterator
from datetime import datetime

from jobyard.calls import in_utc, job_path
from jobyard.errors import TooMany, Unavailable
from jobyard.follow import PATIENCE_S
from jobyard.listing import Listing
from jobyard.models import Job, JobMetrics
from jobyard.transport import Backoff, parameters
from jobyard.watching import TERMINAL

LOOK_S = (1.0, 5.0)
"""How often to look again: as often as there is a point, but neither more nor less often than a run is sampled."""


class Measuring(Listing):
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

    def follow_metrics(
        self, job_id: str, *, start: datetime | str | None = None, step: float | str | None = None
    ) -> Iterator[tuple[Job, JobMetrics]]:
        """The same every few seconds, with the job as it was just before, until the job is over.

        Outlives a platform that is started again. Raises NotFound, Forbidden, Invalid.
        """
        patience = Backoff(PATIENCE_S)
        over = False
        while True:
            try:
                job = self.get(job_id)
                found = self.metrics(job_id, start=start, step=step)
            except (Unavailable, TooMany):  # the job goes on while the platform is started again
                if not patience.pause():
                    raise
                continue
            patience.reset()
            yield job, found
            if over:
                return
            # The last sample may arrive a moment after the end: whoever is over is looked at once more.
            over = job.status in TERMINAL
            shortest, longest = LOOK_S
            time.sleep(shortest if over else min(max(found.step, shortest), longest))


def _moment(moment: datetime | str | None) -> str | None:
    return in_utc(moment) if isinstance(moment, datetime) else moment
