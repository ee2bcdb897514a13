"""What one process tells Prometheus about itself, by the table of `shared/contracts/instruments.py`.

Most figures are read from where they are known anyway, when somebody asks (`watch`): a hot path counts in a plain
number, or not at all. All services of a process share one meter, and so one metric, with a label for the service.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from shared.contracts.instruments import Instrument

Labels = tuple[str, ...]
"""The values of an instrument's labels, in their order."""

Read = Callable[[], float | Mapping[Labels, float]]
"""The value now; or one for each combination of labels that there is now."""

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter, which nobody asks for


@dataclass(frozen=True)
class Meter:
    """The instruments of this process. Each is made once; readers of one instrument must not share labels."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    _read: dict[Instrument, list[Read]] = field(default_factory=dict)
    _made: dict[Instrument, Counter | Histogram] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ProcessCollector(registry=self.registry)
        self.registry.register(_Watched(self._read))

    def watch(self, instrument: Instrument, read: Read) -> None:
        """A gauge, or a counter that somebody else counts, is read with each scrape; `read` must be quick."""
        self._read.setdefault(instrument, []).append(read)

    def counter(self, instrument: Instrument) -> Counter:
        """One to count with."""
        made = self._made.get(instrument)
        if made is None:
            made = Counter(instrument.name, instrument.help, instrument.labels, registry=self.registry)
            self._made[instrument] = made
        assert isinstance(made, Counter)
        return made

    def histogram(self, instrument: Instrument) -> Histogram:
        """One to measure with."""
        made = self._made.get(instrument)
        if made is None:
            made = Histogram(
                instrument.name, instrument.help, instrument.labels, buckets=instrument.buckets, registry=self.registry
            )
            self._made[instrument] = made
        assert isinstance(made, Histogram)
        return made


@dataclass(frozen=True)
class _Watched(Collector):
    """Those that are read."""

    readers: Mapping[Instrument, list[Read]]

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        for instrument, readers in self.readers.items():
            of_its_kind = CounterMetricFamily if instrument.kind == "counter" else GaugeMetricFamily
            family = of_its_kind(instrument.name, instrument.help, labels=instrument.labels)
            for read in readers:
                value = read()
                for labels, one in value.items() if isinstance(value, Mapping) else (((), value),):
                    family.add_metric(labels, one)
            yield family
