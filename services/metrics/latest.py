"""The last sample of every rank of the jobs that run, with the last value of all that it reported: what lists and sums
show of a job while it lives.

After a restart, what a run reports less than once a minute is known again once it is reported again.
"""

from collections import OrderedDict
from math import isfinite, nan

from shared.clock import Clock
from shared.contracts.metrics import REPORTED_NAMES, Sample

LIVE_S = 60.0
"""A run that has said nothing for so long does not live, as far as this service can know."""

MOST_SAMPLES = 20_000
"""Of all jobs' ranks together; more are no platform but a flood, in which the jobs heard of longest ago go first. One
takes 2.5 kB: 50 MB for all. With 100 reported names it is 10 to 30 kB, so that a flood takes 600 MB at most."""


class Latest:
    """By arrival, so that those that end fall out by themselves: it is as large as what runs, up to a limit."""

    def __init__(self, clock: Clock, limit: int = MOST_SAMPLES) -> None:
        """`limit`: samples in memory; the job heard of last stays."""
        self._clock = clock
        self._limit = limit
        self._samples = 0
        self._jobs: OrderedDict[str, tuple[float, dict[int, Sample]]] = OrderedDict()

    def __len__(self) -> int:
        """The jobs that are known."""
        return len(self._jobs)

    def add(self, sample: Sample) -> None:
        """Take a sample; those of an attempt before the newest are dropped."""
        now = self._clock.monotonic()
        _, ranks = self._jobs.pop(sample.job_id, (now, {}))
        self._samples -= len(ranks)
        newest = max((other.attempt for other in ranks.values()), default=0)
        if sample.attempt > newest:
            ranks = {}
        if sample.attempt >= newest:
            ranks[sample.rank] = _with_reports_of(ranks.get(sample.rank), _without_devices(sample))
        self._jobs[sample.job_id] = now, ranks
        self._samples += len(ranks)
        while self._is_over(next(iter(self._jobs.values()))[0], now):
            _, (_, gone) = self._jobs.popitem(last=False)
            self._samples -= len(gone)

    def _is_over(self, heard_at: float, now: float) -> bool:
        """Whether the job heard of longest ago, then, is to go."""
        return heard_at < now - LIVE_S or (self._samples > self._limit and len(self._jobs) > 1)

    def of(self, job_id: str) -> tuple[Sample, ...]:
        """The last samples of the job's current attempt, by rank; none: it does not run."""
        at, ranks = self._jobs.get(job_id, (0.0, {}))
        if at < self._clock.monotonic() - LIVE_S:
            return ()
        return tuple(ranks[rank] for rank in sorted(ranks))


def _without_devices(sample: Sample) -> Sample:
    """No sum of a living job has its devices in it, and a thousand of them would be the most of what is kept."""
    return sample.model_copy(update={"accelerators": ()}) if sample.accelerators else sample


def _with_reports_of(before: Sample | None, sample: Sample) -> Sample:
    """A sample says only what was reported since the one before it."""
    if before is None or not (known := _reports(before)):
        return sample
    new = _reports(sample)
    every = known | new
    if len(every) > REPORTED_NAMES:
        every = known | {name: new[name] for name in known.keys() & new}
    reported = {name: value for name, value in every.items() if isfinite(value)}
    not_finite = tuple(name for name in every if name not in reported)
    return sample.model_copy(update={"reported": reported, "not_finite": not_finite})


def _reports(sample: Sample) -> dict[str, float]:
    return sample.reported | dict.fromkeys(sample.not_finite, nan)
