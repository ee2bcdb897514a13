"""METRICS of the runs of this node for Prometheus, under the names of `shared/contracts/families.py`.

Each rank of a job has one set of series, that of its latest attempt. It stays for five minutes after the end, so that
the last totals are scraped; what was so at one moment only, like memory, is gone with the run. Runs that are over are
known to this process only: the next one begins without them.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample as Series

from shared.clock import Clock
from shared.contracts.families import DROPPED, EXPORTED, JOB_LABELS, REPORTED, Exported
from shared.contracts.metrics import Accelerator, NetworkTotals, Sample

AFTER_END_S = 300.0
ENDED_SERIES = 10_000
"""More series of runs that are over are not kept, however many end in five minutes; the oldest runs go first."""

_Readings = Iterator[tuple[tuple[str, ...], float]]
"""The values of further labels, and the metric's own."""
_Known = list[tuple[tuple[str, ...], float | None]]


@dataclass(frozen=True)
class _Shown:
    """A run's last sample, and the last value of everything that it has reported."""

    sample: Sample
    reported: Mapping[str, float]

    @property
    def series(self) -> int:
        """How many a scrape finds."""
        known = sum(1 for exported in EXPORTED for _ in _of(exported, self))
        return known + len(self.reported) + sum(1 for _ in _dropped(self))


@dataclass(frozen=True)
class _Over:
    """A run that has ended, and when."""

    at: float
    shown: _Shown
    series: int


class Exporter(Collector):
    """What a scrape of this process finds of its runs. All but the writing out happens in the event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._live: dict[tuple[str, int], _Shown] = {}
        self._ended: OrderedDict[tuple[str, int], _Over] = OrderedDict()
        self._ended_series = 0

    def show(self, sample: Sample, reported: Mapping[str, float]) -> None:
        """The run lives, and this is its newest sample."""
        key = (sample.job_id, sample.rank)
        if not self._has_newer(key, sample.attempt):
            self._drop(key)
            self._live[key] = _Shown(sample, reported)

    def show_last(self, sample: Sample, reported: Mapping[str, float]) -> None:
        """The run is over."""
        key = (sample.job_id, sample.rank)
        if not self._has_newer(key, sample.attempt):
            self._end(key, _Shown(sample, reported))

    def lose(self, job_id: str, attempt: int, rank: int) -> None:
        """The run is gone, without a last sample."""
        key = (job_id, rank)
        shown = self._live.get(key)
        if shown is not None and shown.sample.attempt == attempt:
            lasting = shown.sample.model_copy(update={"memory_bytes": None, "accelerators": ()})
            self._end(key, _Shown(lasting, shown.reported))

    def _has_newer(self, key: tuple[str, int], attempt: int) -> bool:
        """Whether a later attempt is shown already: an end may be told again."""
        shown = self._live.get(key)
        if shown is None and key in self._ended:
            shown = self._ended[key].shown
        return shown is not None and shown.sample.attempt > attempt

    def _end(self, key: tuple[str, int], shown: _Shown) -> None:
        self._live.pop(key, None)
        self._drop(key)
        over = _Over(self._clock.monotonic(), shown, shown.series)
        self._ended[key] = over
        self._ended_series += over.series
        self._expire()

    def _drop(self, key: tuple[str, int]) -> None:
        over = self._ended.pop(key, None)
        if over is not None:
            self._ended_series -= over.series

    def _expire(self) -> None:
        before = self._clock.monotonic() - AFTER_END_S
        while self._ended:
            oldest = next(iter(self._ended))
            if self._ended_series <= ENDED_SERIES and self._ended[oldest].at >= before:
                return
            self._drop(oldest)

    def describe(self) -> list[Metric]:
        """Nothing is named before there is a run."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every family as of now, each with a series per rank, device, scope or reported name."""
        self._expire()
        shown = [*self._live.values(), *(over.shown for over in self._ended.values())]
        for exported in EXPORTED:
            yield _Family(exported.name, exported.help, exported.also, shown, partial(_of, exported))
        yield _Family(REPORTED, "The last value that the job reported.", ("name",), shown, _reported)
        yield _Family(DROPPED, "Reported values that were dropped.", (), shown, _dropped)


class _Family(Metric):
    """One whose series are made when it is written out, in whichever thread: of many runs that takes a while."""

    def __init__(
        self, name: str, help: str, also: tuple[str, ...], shown: Sequence[_Shown], read: Callable[[_Shown], _Readings]
    ) -> None:
        counter = name.endswith("_total")
        super().__init__(name.removesuffix("_total"), help, "counter" if counter else "gauge")
        self._series = name
        self._labels = (*JOB_LABELS, *also)
        self._shown = shown
        self._read = read

    @property
    def samples(self) -> list[Series]:
        made = []
        for one in self._shown:
            sample = one.sample
            who = (sample.job_id, sample.vc, sample.owner, str(sample.rank))
            for labels, value in self._read(one):
                named = dict(zip(self._labels, (*who, *labels), strict=True))
                made.append(Series(self._series, named, value))
        return made

    @samples.setter
    def samples(self, none: list[Series]) -> None:
        """The base begins with none."""


def _of(exported: Exported, one: _Shown) -> _Readings:
    """What the sample says of a family; nothing of what is not known."""
    for labels, value in _VALUES[exported.name](one.sample):
        if value is not None:
            yield labels, value


def _reported(one: _Shown) -> _Readings:
    for name, value in one.reported.items():
        yield (name,), value


def _dropped(one: _Shown) -> _Readings:
    if one.reported or one.sample.dropped:
        yield (), one.sample.dropped


def _plain(read: Callable[[Sample], float | None]) -> Callable[[Sample], _Known]:
    return lambda sample: [((), read(sample))]


def _network(read: Callable[[NetworkTotals], int]) -> Callable[[Sample], _Known]:
    return lambda sample: [((sample.network.scope,), read(sample.network))] if sample.network else []


def _devices(kind: str, read: Callable[[Accelerator], float | None]) -> Callable[[Sample], _Known]:
    return lambda sample: [((str(one.device),), read(one)) for one in sample.accelerators if one.kind == kind]


_VALUES: Mapping[str, Callable[[Sample], _Known]] = {
    "jobyard_job_cpu_seconds_total": _plain(lambda sample: sample.cpu_seconds),
    "jobyard_job_memory_working_set_bytes": _plain(lambda sample: sample.memory_bytes),
    "jobyard_job_network_receive_bytes_total": _network(lambda network: network.receive_bytes),
    "jobyard_job_network_transmit_bytes_total": _network(lambda network: network.transmit_bytes),
    "jobyard_job_block_read_bytes_total": _plain(lambda sample: sample.block_read_bytes),
    "jobyard_job_block_write_bytes_total": _plain(lambda sample: sample.block_write_bytes),
    "jobyard_job_gpu_utilization_ratio": _devices("gpu", lambda device: device.utilization),
    "jobyard_job_gpu_memory_used_bytes": _devices("gpu", lambda device: device.memory_bytes),
    "jobyard_job_npu_utilization_ratio": _devices("npu", lambda device: device.utilization),
    "jobyard_job_npu_memory_used_bytes": _devices("npu", lambda device: device.memory_bytes),
}
