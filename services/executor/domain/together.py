"""What the ranks of a run have used together."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from shared.contracts.metrics import MOST, MOST_SECONDS, REPORTED_NAMES, NetworkTotals, RunUsage

N = TypeVar("N", int, float)


def together(ranks: Sequence[RunUsage], devices: int) -> RunUsage | None:
    """One sum of what is known of these ranks, in their order, which hold so many devices; none if nothing is.

    Peaks and means of memory are added up, although the peaks need not have been at one moment. Devices are held until
    the last rank is gone, whenever their own one ended. Of a name that several ranks report the lowest rank's value
    counts: it is rank 0 that reports what is so for all.
    """
    if len(ranks) <= 1:
        return ranks[0] if ranks else None
    seconds = max(rank.seconds for rank in ranks)
    held = min(devices * seconds, MOST_SECONDS)
    measured = sum(rank.device_measured_seconds for rank in ranks)
    used = sum((rank.device_utilization_mean or 0.0) * rank.device_measured_seconds for rank in ranks)
    reported, not_finite = _reported(ranks)
    return RunUsage(
        seconds=seconds,
        cpu_seconds=_sum((rank.cpu_seconds for rank in ranks), MOST_SECONDS),
        memory_peak_bytes=_sum((rank.memory_peak_bytes for rank in ranks), MOST),
        memory_mean_bytes=_sum((rank.memory_mean_bytes for rank in ranks), float(MOST)),
        network=_network([rank.network for rank in ranks if rank.network is not None]),
        block_read_bytes=_sum((rank.block_read_bytes for rank in ranks), MOST),
        block_write_bytes=_sum((rank.block_write_bytes for rank in ranks), MOST),
        device_seconds=held,
        device_measured_seconds=min(measured, held),
        device_idle_seconds=min(sum(rank.device_idle_seconds for rank in ranks), measured, held),
        device_utilization_mean=min(used / measured, 1.0) if measured else None,
        device_memory_peak_bytes=max(
            (rank.device_memory_peak_bytes for rank in ranks if rank.device_memory_peak_bytes is not None), default=None
        ),
        reported=reported,
        not_finite=not_finite,
        dropped=min(sum(rank.dropped for rank in ranks), MOST),
    )


def _reported(ranks: Sequence[RunUsage]) -> tuple[dict[str, float], tuple[str, ...]]:
    """Each name once, in the order of the ranks, and no more than there may be."""
    said: dict[str, float | None] = {}
    for rank in ranks:
        for name, value in (*rank.reported.items(), *((name, None) for name in rank.not_finite)):
            if len(said) < REPORTED_NAMES:
                said.setdefault(name, value)
    numbers = {name: value for name, value in said.items() if value is not None}
    return numbers, tuple(name for name, value in said.items() if value is None)


def _network(known: Sequence[NetworkTotals]) -> NetworkTotals | None:
    """Their sum. Of ranks that are told the whole machine's, on one machine, that counts once: the largest."""
    if not known:
        return None
    whole = [one for one in known if one.scope == "host"]
    counted = [max(whole, key=lambda one: one.receive_bytes + one.transmit_bytes)] if whole else known
    return NetworkTotals(
        receive_bytes=min(sum(one.receive_bytes for one in counted), MOST),
        transmit_bytes=min(sum(one.transmit_bytes for one in counted), MOST),
        scope="host" if whole else "run",
    )


def _sum(values: Iterable[N | None], most: N) -> N | None:
    """Of those that are known; none is: none."""
    known = [value for value in values if value is not None]
    return min(sum(known), most) if known else None
