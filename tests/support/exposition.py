"""Series of jobs and of the platform itself, served for a real Prometheus: every metric there is, of several owners.

Made from the tables of names alone: what an executor or a service would say of such jobs, without one.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.contracts.families import DROPPED, EXPORTED, JOB_LABELS, REPORTED
from shared.contracts.instruments import INSTRUMENTS, Instrument
from tests.support.ports import free_port

VALUES = {
    "vc": ("default", "lab"),
    "service": ("jobs", "scheduler"),
    "stream": ("EVENTS", "DEADLETTERS"),
    "route": ("/api/v1/jobs", "/api/v1/jobs/{job_id}"),
    "status": ("200", "503"),
    "reason": ("quota", "devices"),
    "outcome": ("handled", "dead"),
}
"""Of labels; of the others, one value is made up."""
OTHER = ("one",)
ALSO = {"scope": "run", "device": "0"}


@dataclass(frozen=True)
class ExposedJob:
    """Whose series there are. `level`: what its gauges say, so that a number tells whose it is."""

    id: str
    owner: str
    vc: str
    level: float = 1.0

    @property
    def labels(self) -> list[str]:
        known = {"job_id": self.id, "vc": self.vc, "owner": self.owner, "rank": "0"}
        return [known[name] for name in JOB_LABELS]


class Exposition(Collector):
    """Counters rise with time: by `level` a second."""

    def __init__(self, jobs: Sequence[ExposedJob]) -> None:
        self._jobs = jobs
        self._began = time.monotonic()

    def collect(self) -> Iterator[Metric]:
        passed = time.monotonic() - self._began
        for one in EXPORTED:
            yield self._of_jobs(one.name, one.also, passed if one.counter else None)
        yield self._of_jobs(REPORTED, ("name",), None)
        yield self._of_jobs(DROPPED, (), passed)
        for instrument in INSTRUMENTS:
            yield _of_platform(instrument, passed)

    def _of_jobs(self, name: str, also: tuple[str, ...], passed: float | None) -> Metric:
        labels = [*JOB_LABELS, *also]
        family = GaugeMetricFamily(name, "", labels=labels) if passed is None else _counter(name, labels)
        for job in self._jobs:
            value = job.level * (1 if passed is None else passed)
            family.add_metric([*job.labels, *(ALSO.get(label, "loss") for label in also)], value)
        return family


@contextmanager
def exposed(jobs: Sequence[ExposedJob]) -> Iterator[str]:
    """Serves them; host:port of a `/metrics`."""
    registry, port = CollectorRegistry(auto_describe=False), free_port()
    registry.register(Exposition(jobs))
    ProcessCollector(registry=registry)
    server, thread = start_http_server(port, "127.0.0.1", registry=registry)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _counter(name: str, labels: Sequence[str]) -> CounterMetricFamily:
    return CounterMetricFamily(name.removesuffix("_total"), "", labels=labels)


def _of_platform(instrument: Instrument, passed: float) -> Metric:
    labels = instrument.labels
    if instrument.kind == "histogram":
        buckets = [(str(bound), passed * place) for place, bound in enumerate((*instrument.buckets, "+Inf"))]
        histogram = HistogramMetricFamily(instrument.name, "", labels=labels)
        for values in _combinations(labels):
            histogram.add_metric(values, buckets, passed)
        return histogram
    counts = instrument.kind == "counter"
    family = _counter(instrument.name, labels) if counts else GaugeMetricFamily(instrument.name, "", labels=labels)
    for values in _combinations(labels):
        family.add_metric(values, passed if counts else 1.0)
    return family


def _combinations(labels: Sequence[str]) -> list[list[str]]:
    """As many as the label with the most values has."""
    most = max((len(VALUES.get(label, OTHER)) for label in labels), default=1)
    return [
        [VALUES.get(label, OTHER)[turn % len(VALUES.get(label, OTHER))] for label in labels] for turn in range(most)
    ]
