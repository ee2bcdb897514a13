"""What happens to a job: its history, its console, and its end, looked at once or followed."""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC

from jobyard.calls import API, job_path
from jobyard.errors import TooMany, Unavailable, WaitTimeout
from jobyard.follow import PATIENCE_S, follow
from jobyard.listing import Listing
from jobyard.models import Job, JobEvent, JobEvents, JobStatus, LogGap, LogLine, LogTail
from jobyard.transport import Backoff, parameters

TERMINAL = frozenset({JobStatus.FINISHED, JobStatus.FAILED, JobStatus.ERROR, JobStatus.KILLED})
"""A status that never changes again."""

HAPPENED = "message"
"""The name of an event of the feed that is a JobEvent; others tell browsers that the queue has moved."""

LINES_KEPT = 2000
FIRST_POLL_S = 0.05
LONGEST_POLL_S = 1.0


class Watching(Listing):
    """Part of a Client."""

    def events(self, job_id: str) -> list[JobEvent]:
        """Everything that happened to a job, in order, as CloudEvents."""
        return self._read(JobEvents, job_path(job_id, "events")).items

    def logs(self, job_id: str, tail: int = LINES_KEPT, rank: int | None = None) -> LogTail:
        """The last lines of a job's console (at most 2,000), of one rank or of all, and where lines are missing."""
        return self._read(LogTail, job_path(job_id, "logs"), parameters(tail=tail, rank=rank))

    def download_log(self, job_id: str, attempt: int | None = None, rank: int | None = None) -> Iterator[bytes]:
        """An attempt's whole output (the last one's), piece by piece. Raises NotFound when its node has it no more.

        Of several ranks one after the other, each under a heading.
        """
        headers, params = {"Accept": "text/plain"}, parameters(attempt=attempt, rank=rank)
        with self._transport.stream(job_path(job_id, "logs/download"), params=params, headers=headers) as response:
            yield from response.iter_bytes()

    def follow_logs(self, job_id: str, tail: int = LINES_KEPT, rank: int | None = None) -> Iterator[LogLine | LogGap]:
        """The console's last lines and then each new one, of one rank or of all, until the job is over.

        Outlives a broken connection.
        """
        last: dict[int, tuple[int, int]] = {}
        for event in follow(self._transport, job_path(job_id, "logs/follow"), parameters(tail=tail, rank=rank)):
            for item in in_order(self._parsed(LogTail, event.data)):
                # After a break the platform may begin again with the tail: what was seen is not shown twice.
                place = (item.after_seq, 1) if isinstance(item, LogGap) else (item.seq, 0)
                if place > last.get(item.rank, (0, 0)):
                    last[item.rank] = place
                    yield item

    def follow_events(self, job_id: str | None = None) -> Iterator[JobEvent]:
        """The events of all jobs that I may see, from now on; of one job, from its first and until it is over.

        Outlives a broken connection. Raises NotFound.
        """
        path = f"{API}/events"
        if job_id is None:
            for event in follow(self._transport, path, {}):
                if event.name == HAPPENED:
                    yield self._parsed(JobEvent, event.data)
            return
        version = 0
        for past in self.events(job_id):
            version = past.data.job.version
            yield past
            if past.data.job.state.status in TERMINAL:
                return
        for event in follow(self._transport, path, {"job_id": job_id}, last_id="0"):
            if event.name != HAPPENED:
                continue
            found = self._parsed(JobEvent, event.data)
            if found.data.job.version > version:
                version = found.data.job.version
                yield found
                if found.data.job.state.status in TERMINAL:
                    return

    def wait(
        self,
        job_id: str,
        until: Iterable[JobStatus | str] = TERMINAL,
        timeout: float | None = None,
        on_change: Callable[[Job], None] | None = None,
    ) -> Job:
        """The job as soon as its status is one of `until`, or is final (it can't get there any more then).

        timeout: seconds, then WaitTimeout. on_change: called with the job whenever it has changed.
        """
        wanted = {JobStatus(status) for status in until} | TERMINAL
        deadline = None if timeout is None else time.monotonic() + timeout
        seen, pause = -1, FIRST_POLL_S
        patience = Backoff(PATIENCE_S)
        while True:
            try:
                job = self.get(job_id)
            except (Unavailable, TooMany):  # the job goes on while the platform is started again
                if not patience.pause():
                    raise
                continue
            patience.reset()
            if job.version != seen:
                seen, pause = job.version, FIRST_POLL_S
                if on_change is not None:
                    on_change(job)
            if job.status in wanted:
                return job
            left = LONGEST_POLL_S if deadline is None else deadline - time.monotonic()
            if left <= 0:
                raise WaitTimeout(f"Job {job.id} is still {job.status} after {timeout:.1f} s{_doing(job)}.")
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, LONGEST_POLL_S)


def _doing(job: Job) -> str:
    """What it waits for, or since when it runs; a moment is written as in the platform's own sentences."""
    if job.reason is not None:
        return f": {job.reason.message.removesuffix('.')}"
    if job.started_at is not None:
        return f": attempt {job.attempt} has been running since {job.started_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return ""


def in_order(page: LogTail) -> Iterator[LogLine | LogGap]:
    """A page's lines, with each gap where its lines are missing."""
    gaps = sorted(page.gaps, key=lambda gap: gap.after_seq)
    for line in page.lines:
        before = [gap for gap in gaps if gap.rank == line.rank and gap.after_seq < line.seq]
        for gap in before:
            gaps.remove(gap)
            yield gap
        yield line
    yield from gaps
