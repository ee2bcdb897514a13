"""What a job has used in all, in words for `jobyard get` and `jobyard list`."""

from math import nan

from jobyard.cli.figures import figure, size
from jobyard.cli.foremost import foremost
from jobyard.cli.times import duration
from jobyard.models import JobUsage

LOST = "came faster than they are read, under too many names, or unreadable"
SHORT_S = 2.0
"""A run that lasts no longer may be over before it is looked at."""

SHOWN = 3
"""Reported values that a list has room for."""


def used(usage: JobUsage | None) -> list[tuple[str, str]]:
    """A line for each thing that is known, and for devices whose use is not."""
    if usage is None:
        return []
    facts = [
        ("CPU used", _cpu(usage)),
        ("Memory used", _memory(usage)),
        ("Network", _network(usage)),
        ("Block I/O", _block_io(usage)),
        ("Devices used", _devices(usage)),
        ("Reported", reported(usage, None)),
        ("Reports lost", f"{usage.dropped} values: {LOST}" if usage.dropped else ""),
    ]
    return [(name, text) for name, text in facts if text]


def reported(usage: JobUsage | None, most: int | None = SHOWN) -> str:
    """`loss=0.25 step=300`, those first that people look at first, and how many more there are."""
    if usage is None:
        return ""
    last = usage.reported | dict.fromkeys(usage.not_finite, nan)
    values = [f"{name}={figure(last[name], '')}" for name in sorted(last, key=foremost)]
    shown = values[:most]
    more = [f"and {len(values) - len(shown)} more"] if len(values) > len(shown) else []
    return " ".join(shown + more)


def _cpu(usage: JobUsage) -> str:
    if usage.cpu_seconds is None:
        return _unmeasured(usage)
    mean = f", {figure(usage.cpu_mean, 'cores')} cores on average" if usage.cpu_mean is not None else ""
    return f"{duration(usage.cpu_seconds)} of processor time{' so far' if usage.live else ''}{mean}"


def _memory(usage: JobUsage) -> str:
    known = [
        (usage.memory_bytes, "now"),
        (usage.memory_peak_bytes, "at most, as far as it was seen"),
        (usage.memory_mean_bytes, "on average"),
    ]
    return "; ".join(f"{size(value)} {word}" for value, word in known if value is not None) or _unmeasured(usage)


def _unmeasured(usage: JobUsage) -> str:
    """Of a job that has run; nothing of one whose first run goes on, as its time will come."""
    if not usage.runs:
        return ""
    return "unknown: it was too short to be measured" if usage.seconds / usage.runs < SHORT_S else "unknown"


def _network(usage: JobUsage) -> str:
    network = usage.network
    if network is None:
        return ""
    where = "; the whole machine's, its own are unknown" if network.scope == "host" else ""
    return f"{size(network.receive_bytes)} received, {size(network.transmit_bytes)} sent{where}"


def _block_io(usage: JobUsage) -> str:
    known = [(usage.block_read_bytes, "read"), (usage.block_write_bytes, "written")]
    return ", ".join(f"{size(value)} {word}" for value, word in known if value is not None)


def _devices(usage: JobUsage) -> str:
    if not usage.device_hours:
        return ""
    held = f"{usage.device_hours:.3g} device-hours"
    if not usage.device_measured_share:
        return f"{held}; their use is unknown: simulated devices report nothing, nor do those without a driver to ask"
    shares = [
        (usage.device_utilization_mean, "used on average"),
        (usage.device_idle_share, "of the time idle"),
        (usage.device_measured_share if usage.device_measured_share < 1 else None, "of the time measured"),
    ]
    said = [f"{figure(share, 'ratio')} {word}" for share, word in shares if share is not None]
    memory = usage.device_memory_peak_bytes
    said += [f"{size(memory)} of memory at most, as far as it was seen"] if memory is not None else []
    return ", ".join([held, *said])
