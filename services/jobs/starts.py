"""How long jobs wait for their first start: measured once for each job, when its start is stored."""

from services.jobs.domain.document import JobDocument
from shared.contracts.events import JobStarted
from shared.contracts.instruments import SUBMIT_TO_START
from shared.meter import Meter


class Starts:
    """Told of every stored change."""

    def __init__(self, meter: Meter) -> None:
        self._seconds = meter.histogram(SUBMIT_TO_START)

    def note(self, document: JobDocument, since: int) -> None:
        """The job has changed after version `since`."""
        before, now = document.history[:since], document.history[since:]
        started = next((entry for entry in now if entry.fact == JobStarted.fact), None)
        if started is not None and all(entry.fact != JobStarted.fact for entry in before):
            waited = (started.time - document.submitted_at).total_seconds()
            self._seconds.labels(document.request.vc).observe(max(waited, 0.0))
