"""METRICS by way of a real Prometheus: the same families, labels and figures as from the ring."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median

import pytest
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.bus.bus import Bus, connect
from shared.bus.streams import bootstrap
from shared.contracts.commands.metrics import QUERY_METRICS
from shared.contracts.families import EXPORTED, JOB_LABELS, REPORTED
from shared.contracts.metrics import QueryMetrics, Series
from shared.settings import PlatformSettings
from tests.support.metrics_service import ASK_S, JOB, MetricsService, drawn, page, publish, sample_at
from tests.support.nats import NatsServer
from tests.support.ports import free_port
from tests.support.programs import needs
from tests.support.prometheus import PrometheusServer
from tests.support.prometheus_double import prometheus_double
from tests.support.waiting import until

needs("prometheus")

OTHER = "01JD0000000000000000000001"
PER_S = 50.0
"""What every counter gains in a second."""
ALSO = {"scope": "run", "device": "3"}


class Exporter(Collector):
    """Two jobs as an executor exports them; counters go on steadily, by this machine's clock."""

    def __init__(self) -> None:
        self.port = free_port()
        self.gauge = 0.5
        """What JOB's gauges say."""
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self._begin = time.monotonic()

    def collect(self) -> Iterator[Metric]:
        used = (time.monotonic() - self._begin) * PER_S
        for exported in EXPORTED:
            kind = CounterMetricFamily if exported.counter else GaugeMetricFamily
            family = kind(exported.name, exported.help, labels=[*JOB_LABELS, *exported.also])
            for job_id, owner, gauge in ((JOB, "ada", self.gauge), (OTHER, "bob", 0.9)):
                labels = [job_id, "default", owner, "0", *(ALSO[label] for label in exported.also)]
                family.add_metric(labels, used if exported.counter else gauge)
            yield family
        reported = GaugeMetricFamily(REPORTED, "What a job reports.", labels=[*JOB_LABELS, "name"])
        reported.add_metric([JOB, "default", "ada", "0", "loss"], 0.25)
        yield reported

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Its address, while it is served."""
        server, thread = start_http_server(self.port, "127.0.0.1", registry=self._registry)
        try:
            yield f"127.0.0.1:{self.port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


@pytest.fixture(scope="module")
def prometheus() -> Iterator[PrometheusServer]:
    with Exporter().serving() as target, PrometheusServer([target]) as server:
        server.wait_for(f'rate({EXPORTED[0].name}{{job_id="{JOB}"}}[1m]) > 0')
        yield server


@pytest.fixture
async def server() -> AsyncIterator[NatsServer]:
    async with NatsServer() as running:
        yield running


@pytest.fixture
async def bus(server: NatsServer) -> AsyncIterator[Bus]:
    async with connect(server.url, "test") as connected:
        await bootstrap(connected.js, PlatformSettings())
        yield connected


def lately(job_id: str = JOB, seconds: float = 600) -> QueryMetrics:
    end = datetime.now(UTC)
    return QueryMetrics(job_id=job_id, start=end - timedelta(seconds=seconds), end=end, step_s=1.0)


async def test_every_family_comes_from_prometheus_as_it_would_from_the_ring(
    bus: Bus, server: NatsServer, prometheus: PrometheusServer, tmp_path: Path
) -> None:
    with MetricsService(server.url, tmp_path / "data", prometheus_url=prometheus.url):
        assert (await page(bus, lately())).source == "prometheus"
        *usage, loss = await drawn(bus, lately())
        assert [(series.name, series.unit, series.labels) for series in usage] == [
            (
                exported.family,
                exported.unit,
                {"rank": "0", **{label: ALSO[label] for label in exported.also}, **exported.shown},
            )
            for exported in EXPORTED
        ]
        assert (loss.name, loss.kind, loss.labels, set(loss.values)) == ("loss", "reported", {"rank": "0"}, {0.25})
        await until(partial(is_right, bus), "every figure is what is exported")


async def is_right(bus: Bus) -> bool:
    """Whether half of the points of each line lie within a tenth: scrapes of a busy machine are late at times."""
    *usage, _ = await drawn(bus, lately())
    expected = [PER_S if exported.counter else 0.5 for exported in EXPORTED]
    return [median(series.values) for series in usage] == pytest.approx(expected, rel=0.1)


async def test_another_jobs_figures_are_not_among_them(
    bus: Bus, server: NatsServer, prometheus: PrometheusServer, tmp_path: Path
) -> None:
    with MetricsService(server.url, tmp_path / "data", prometheus_url=prometheus.url):
        gauges = [gauge_of(await drawn(bus, lately(job_id))) for job_id in (JOB, OTHER)]
        assert gauges == [{0.5}, {0.9}]


def gauge_of(found: list[Series]) -> set[float]:
    return {value for series in found if series.name == "memory" for value in series.values}


async def test_of_a_long_step_the_largest_memory_is_drawn_and_the_mean_use_of_a_device(
    bus: Bus, server: NatsServer, tmp_path: Path
) -> None:
    exporter = Exporter()
    with exporter.serving() as target, PrometheusServer([target]) as prometheus:
        for gauge in (0.25, 0.75, 0.25):
            exporter.gauge = gauge
            prometheus.wait_for(f'jobyard_job_memory_working_set_bytes{{job_id="{JOB}"}} == {gauge}')
        with MetricsService(server.url, tmp_path / "data", prometheus_url=prometheus.url):
            found = await drawn(bus, lately().model_copy(update={"step_s": 600.0}))
    last = {series.name: series.values[-1] for series in found}
    assert (last["memory"], last["gpu_memory"]) == (0.75, 0.75)
    assert 0.25 < last["gpu_utilization"] < 0.75


async def test_one_that_never_answers_costs_none_of_many_who_ask_at_once_their_graph(
    bus: Bus, server: NatsServer, tmp_path: Path
) -> None:
    start = datetime.now(UTC) - timedelta(seconds=100)
    await publish(bus, *(sample_at(second, start=start, memory_bytes=7) for second in range(9)))
    with (
        prometheus_double() as double,
        MetricsService(server.url, tmp_path / "data", prometheus_url=double.url),
    ):
        assert (await page(bus, lately())).source == "ring"
        double.held.clear()
        found = await asyncio.gather(*(bus.ask(QUERY_METRICS, lately(), ASK_S) for _ in range(6)))
        assert [one.source for one in found] == ["ring"] * 6
        assert len(double.asked) > 1


async def test_while_prometheus_is_away_the_ring_answers_and_then_prometheus_again(
    bus: Bus, server: NatsServer, tmp_path: Path
) -> None:
    exporter, start = Exporter(), datetime.now(UTC) - timedelta(seconds=100)
    prometheus = PrometheusServer([f"127.0.0.1:{exporter.port}"])
    await publish(bus, *(sample_at(second, start=start, memory_bytes=7) for second in range(9)))
    with MetricsService(server.url, tmp_path / "data", prometheus_url=prometheus.url) as service:
        found = await page(bus, lately())
        assert found.source == "ring"
        assert gauge_of(list(found.series)) == {7.0}
        assert len(service.said("prometheus_away")) == 1
        with exporter.serving(), prometheus:
            await until(partial(answers_from_prometheus, bus), "Prometheus is asked again")
        assert len(service.said("prometheus_back")) == 1


async def answers_from_prometheus(bus: Bus) -> bool:
    found = await page(bus, lately())
    return found.source == "prometheus" and bool(found.series)
