"""What the attempts of one job have used together, each counted once whatever is told again, in any order.

Means are kept as sums over the time that is known, so that an attempt which nobody measured neither lowers nor raises
them. What no attempt knew stays unknown. Sums stop at the largest number that their message has room for.
"""

from collections.abc import Sequence
from typing import TypeVar

from services.metrics.domain.attempt import Attempt
from services.metrics.domain.days import HOUR_S
from services.metrics.domain.reports import Report, Reports, merged, not_numbers, numbers, said_by
from shared.contracts.base import Attempt as AttemptNumber
from shared.contracts.base import Contract, Timestamp
from shared.contracts.metrics import MOST, MOST_SECONDS, JobUsage, NetworkTotals, Sample

N = TypeVar("N", int, float)


class Mean(Contract):
    """A mean over time, as a sum that others can be added to."""

    weighted: float = 0.0
    seconds: float = 0.0

    @property
    def value(self) -> float | None:
        return self.weighted / self.seconds if self.seconds > 0 else None

    def plus(self, value: float | None, seconds: float) -> "Mean":
        """With a value that held for so long; None: it is not known."""
        if value is None:
            return self
        return Mean(weighted=self.weighted + value * seconds, seconds=self.seconds + seconds)


class Totals(Contract):
    """The sums over the attempts that are named in `attempts`."""

    attempts: tuple[AttemptNumber, ...] = ()
    seconds: float = 0.0
    cpu_seconds: float | None = None
    cpu: Mean = Mean()
    memory_peak_bytes: int | None = None
    memory: Mean = Mean()
    network: NetworkTotals | None = None
    block_read_bytes: int | None = None
    block_write_bytes: int | None = None
    device_seconds: float = 0.0
    device_measured_seconds: float = 0.0
    device_idle_seconds: float = 0.0
    utilization: Mean = Mean()
    device_memory_peak_bytes: int | None = None
    reports: dict[str, Report] | None = None
    dropped: int = 0
    ended_at: Timestamp | None = None


def folded(totals: Totals, attempt: Attempt) -> Totals:
    """With this attempt; the same object if it is in them already."""
    if attempt.number in totals.attempts:
        return totals
    usage = attempt.usage
    cpu_mean = usage.cpu_seconds / usage.seconds if usage.cpu_seconds is not None and usage.seconds > 0 else None
    return Totals(
        attempts=tuple(sorted((*totals.attempts, attempt.number))),
        seconds=totals.seconds + usage.seconds,
        cpu_seconds=_sum(totals.cpu_seconds, usage.cpu_seconds),
        cpu=totals.cpu.plus(cpu_mean, usage.seconds),
        memory_peak_bytes=_highest(totals.memory_peak_bytes, usage.memory_peak_bytes),
        memory=totals.memory.plus(usage.memory_mean_bytes, usage.seconds),
        network=_both(totals.network, usage.network),
        block_read_bytes=_sum(totals.block_read_bytes, usage.block_read_bytes),
        block_write_bytes=_sum(totals.block_write_bytes, usage.block_write_bytes),
        device_seconds=totals.device_seconds + attempt.device_seconds,
        device_measured_seconds=totals.device_measured_seconds + attempt.device_measured_seconds,
        device_idle_seconds=totals.device_idle_seconds + attempt.device_idle_seconds,
        utilization=totals.utilization.plus(usage.device_utilization_mean, attempt.device_measured_seconds),
        device_memory_peak_bytes=_highest(totals.device_memory_peak_bytes, usage.device_memory_peak_bytes),
        reports=merged(totals.reports or {}, said_by(attempt.number, usage.reported, usage.not_finite)),
        dropped=min(totals.dropped + usage.dropped, MOST),
        ended_at=attempt.ended_at if totals.ended_at is None else max(totals.ended_at, attempt.ended_at),
    )


def usage_of(job_id: str, totals: Totals, living: Sequence[Sample] = ()) -> JobUsage:
    """The sums as everybody sees them. `living`: the last sample of each rank of the job, as far as there are any.

    An attempt that is under way adds what its samples count from its start, what it reports, and the memory that it has
    now; its time, peaks and devices count once it is over. Until then there are no means: they would be those of
    the attempts before. Samples of one that is in the sums already are old news.
    """
    now = [sample for sample in living if sample.attempt not in totals.attempts]
    held, measured, reports = totals.device_seconds, totals.device_measured_seconds, totals.reports or {}
    usage = JobUsage(
        job_id=job_id,
        runs=len(totals.attempts),
        seconds=min(totals.seconds, MOST_SECONDS),
        cpu_seconds=_most_seconds(totals.cpu_seconds),
        cpu_mean=totals.cpu.value,
        memory_peak_bytes=totals.memory_peak_bytes,
        memory_mean_bytes=totals.memory.value,
        network=totals.network,
        block_read_bytes=totals.block_read_bytes,
        block_write_bytes=totals.block_write_bytes,
        device_hours=held / HOUR_S,
        device_idle_share=_ratio(totals.device_idle_seconds, measured),
        device_measured_share=_ratio(measured, held),
        device_utilization_mean=_at_most_1(totals.utilization.value),
        device_memory_peak_bytes=totals.device_memory_peak_bytes,
        reported=numbers(reports),
        not_finite=not_numbers(reports),
        dropped=totals.dropped,
        updated_at=totals.ended_at,
    )
    return _with_living(usage, reports, now) if now else usage


def _with_living(usage: JobUsage, reports: Reports, samples: Sequence[Sample]) -> JobUsage:
    """Of a name that several ranks report the lowest one's value counts, as it will when the run is over."""
    cpu, network, memory = usage.cpu_seconds, usage.network, usage.memory_bytes
    read, written = usage.block_read_bytes, usage.block_write_bytes
    for sample in sorted(samples, key=lambda sample: sample.rank, reverse=True):
        cpu = _sum(cpu, sample.cpu_seconds)
        network = _both(network, sample.network)
        read, written = _sum(read, sample.block_read_bytes), _sum(written, sample.block_write_bytes)
        memory = _sum(memory, sample.memory_bytes)
        reports = merged(reports, said_by(sample.attempt, sample.reported, sample.not_finite))
    return usage.model_copy(
        update={
            "cpu_seconds": _most_seconds(cpu),
            "cpu_mean": None,
            "memory_bytes": memory,
            "memory_mean_bytes": None,
            "device_utilization_mean": None,
            "network": network,
            "block_read_bytes": read,
            "block_write_bytes": written,
            "reported": numbers(reports),
            "not_finite": not_numbers(reports),
            "dropped": min(usage.dropped + sum(sample.dropped for sample in samples), MOST),
            "live": True,
            "updated_at": max(sample.time for sample in samples),
        }
    )


def _sum(one: N | None, other: N | None) -> N | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one + other, MOST)


def _highest(one: int | None, other: int | None) -> int | None:
    return max((value for value in (one, other) if value is not None), default=None)


def _both(one: NetworkTotals | None, other: NetworkTotals | None) -> NetworkTotals | None:
    """Their sum; the whole machine's as soon as a part of it is."""
    if one is None or other is None:
        return other if one is None else one
    return NetworkTotals(
        receive_bytes=min(one.receive_bytes + other.receive_bytes, MOST),
        transmit_bytes=min(one.transmit_bytes + other.transmit_bytes, MOST),
        scope="host" if "host" in (one.scope, other.scope) else "run",
    )


def _ratio(part: float, whole: float) -> float | None:
    return _at_most_1(part / whole) if whole > 0 else None


def _at_most_1(value: float | None) -> float | None:
    """Sums of floats may stand a hair above."""
    return None if value is None else min(value, 1.0)


def _most_seconds(value: float | None) -> float | None:
    return None if value is None else min(value, MOST_SECONDS)
