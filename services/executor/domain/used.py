"""What a run has used, added up sample by sample: totals that never fall, peaks, and means over the measured time.

A sample stands for the time since the one before it, but for no more than `GAP_S`: what went by unseen, while no
executor was there for instance, is not measured, and counts as neither idle nor used.

All of it comes back from a file that the run itself can write, so every figure has bounds (`believable`), and whatever
is within them makes a sum that a `RunUsage` can hold.
"""

from collections.abc import Sequence

from services.executor.domain.reading import Reading
from shared.contracts.base import Contract
from shared.contracts.metrics import Accelerator, NetworkTotals, RunUsage, Seconds, Whole

IDLE_BELOW = 0.05
"""A device with less use than this is idle."""
GAP_S = 15.0
SECOND_NS = 1_000_000_000
MOST = 1 << 60
"""No count is higher: an exbibyte, or as many nanoseconds of processor time. Databases know whole numbers to 2**63."""
_LONGEST_S = 1e12
"""Nor is any time longer."""


class Totals(Contract):
    """Counters since the run's start. None: never known."""

    cpu_ns: Whole | None = None
    read_bytes: Whole | None = None
    write_bytes: Whole | None = None
    network: NetworkTotals | None = None

    def raised(self, reading: Reading) -> "Totals":
        """The reading, where it is higher. A reading may seem to fall while processes end, or know less than before."""
        return Totals(
            cpu_ns=_higher(self.cpu_ns, reading.cpu_ns),
            read_bytes=_higher(self.read_bytes, reading.read_bytes),
            write_bytes=_higher(self.write_bytes, reading.write_bytes),
            network=_network(self.network, reading),
        )

    def at_start(self) -> "Totals":
        """Zero for everything that is known by now; the machine's network says nothing of the run's start."""
        own = self.network is not None and self.network.scope == "run"
        return Totals(
            cpu_ns=None if self.cpu_ns is None else 0,
            read_bytes=None if self.read_bytes is None else 0,
            write_bytes=None if self.write_bytes is None else 0,
            network=NetworkTotals(receive_bytes=0, transmit_bytes=0, scope="run") if own else None,
        )


class Used(Contract):
    """One run, up to its last sample. Kept on the disk, so that the next executor process goes on from it."""

    at_ns: Whole
    """Of the last sample, or the run's start; nanoseconds since 1970."""
    totals: Totals = Totals()
    memory_peak_bytes: Whole | None = None
    memory_byte_s: Seconds = 0.0
    memory_s: Seconds = 0.0
    device_s: Seconds = 0.0
    """Devices whose use was known, times seconds."""
    device_idle_s: Seconds = 0.0
    device_use_s: Seconds = 0.0
    """The same, times their use."""
    device_memory_peak_bytes: Whole | None = None

    @property
    def believable(self) -> bool:
        """Whether all figures are within bounds, and so is every mean that comes of them."""
        totals = self.totals
        network = (totals.network.receive_bytes, totals.network.transmit_bytes) if totals.network is not None else ()
        counts = (totals.cpu_ns, totals.read_bytes, totals.write_bytes, *network)
        peaks = (self.memory_peak_bytes, self.device_memory_peak_bytes)
        times = (self.memory_s, self.device_s, self.device_idle_s, self.device_use_s)
        return (
            all(figure is None or figure <= MOST for figure in (*counts, *peaks))
            and max(times) <= _LONGEST_S
            and self.memory_byte_s <= self.memory_s * MOST
        )

    def after(self, reading: Reading, accelerators: Sequence[Accelerator]) -> "Used":
        """With one more sample."""
        seconds = min(max(0, reading.at_ns - self.at_ns) / SECOND_NS, GAP_S)
        memory = reading.memory_bytes
        uses = [device.utilization for device in accelerators if device.utilization is not None]
        held = [device.memory_bytes for device in accelerators if device.memory_bytes is not None]
        return Used(
            at_ns=reading.at_ns,
            totals=self.totals.raised(reading),
            memory_peak_bytes=_higher(self.memory_peak_bytes, memory),
            memory_byte_s=self.memory_byte_s + (memory or 0) * seconds,
            memory_s=self.memory_s + (seconds if memory is not None else 0.0),
            device_s=self.device_s + len(uses) * seconds,
            device_idle_s=self.device_idle_s + sum(use < IDLE_BELOW for use in uses) * seconds,
            device_use_s=self.device_use_s + sum(uses) * seconds,
            device_memory_peak_bytes=_higher(self.device_memory_peak_bytes, max(held, default=None)),
        )

    def ended(self, totals: Reading | None) -> "Used":
        """At the run's end, when only counters still say something; not the machine's, where the run's own is known."""
        if totals is None:
            return self
        known = self.totals.network
        raised = self.totals.raised(totals)
        if known is not None and known.scope == "run" and totals.network_scope == "host":
            raised = raised.model_copy(update={"network": known})
        return self.model_copy(update={"totals": raised})

    def usage(self, seconds: float, devices: int) -> RunUsage:
        """The sum of a run that lasted so long and held so many devices, simulated ones among them."""
        totals, held_s = self.totals, devices * seconds
        measured_s = min(self.device_s, held_s)
        return RunUsage(
            seconds=seconds,
            cpu_seconds=seconds_of(totals.cpu_ns),
            memory_peak_bytes=self.memory_peak_bytes,
            memory_mean_bytes=self.memory_byte_s / self.memory_s if self.memory_s else None,
            network=totals.network,
            block_read_bytes=totals.read_bytes,
            block_write_bytes=totals.write_bytes,
            device_seconds=held_s,
            device_measured_seconds=measured_s,
            device_idle_seconds=min(self.device_idle_s, measured_s),
            device_utilization_mean=min(self.device_use_s / self.device_s, 1.0) if self.device_s else None,
            device_memory_peak_bytes=self.device_memory_peak_bytes,
        )


def seconds_of(time_ns: int | None) -> float | None:
    return None if time_ns is None else time_ns / SECOND_NS


def _higher(known: int | None, seen: int | None) -> int | None:
    if known is None or seen is None:
        return seen if known is None else known
    return max(known, seen)


def _network(known: NetworkTotals | None, reading: Reading) -> NetworkTotals | None:
    """The run's own bytes and the whole machine's are not compared: where the way of counting changed, the new one."""
    if reading.receive_bytes is None or reading.transmit_bytes is None:
        return known
    if known is None or known.scope != reading.network_scope:
        known = NetworkTotals(receive_bytes=0, transmit_bytes=0, scope=reading.network_scope)
    return NetworkTotals(
        receive_bytes=max(known.receive_bytes, reading.receive_bytes),
        transmit_bytes=max(known.transmit_bytes, reading.transmit_bytes),
        scope=known.scope,
    )
