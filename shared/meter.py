"""What one process tells Prometheus about itself, by the table of `shared/contracts/instruments.py`.

Most figures are read from where they are known anyway, when somebody asks (`watch`): a hot path counts in a plain
number, or not at all. All services of a process share one meter, and so one metric, with a label for the service.
"""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from shared.contracts.instruments import Instrument

Labels = tuple[str, ...]
"""The values of an instrument's labels, in their order."""

Values = Iterable[tuple[Labels, float]]

Read = Callable[[], float | Values]
"""The value now; or one for each combination of labels that there is now."""

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter, which nobody asks for


class Meter:
    """The instruments of this process. Each is made once; readers of one instrument must not share labels."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._watched = _Watched()
        self.registry.register(self._watched)
        self._made: dict[Instrument, Counter | Histogram] = {}

    def watch(self, instrument: Instrument, read: Read) -> None:
        """A gauge, or a counter that somebody else counts, is read with each scrape; `read` must be quick."""
        self._watched.readers.setdefault(instrument, []).append(read)

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


class _Watched(Collector):
    """Those that are read."""

    def __init__(self) -> None:
        self.readers: dict[Instrument, list[Read]] = {}

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        for instrument, readers in self.readers.items():
            of_its_kind = CounterMetricFamily if instrument.kind == "counter" else GaugeMetricFamily
            family = of_its_kind(instrument.name, instrument.help, labels=instrument.labels)
            for read in readers:
                value = read()
                for labels, one in (((), value),) if isinstance(value, int | float) else value:
                    family.add_metric(labels, one)
            yield family
