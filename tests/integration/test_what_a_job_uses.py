"""A job of known use, on the whole platform beside a real Prometheus: every way to ask says what it really used.

It burns processor time, holds 300 MiB, writes 50 MiB and receives 20 MiB over the loopback, in a tree of processes
that come and go, a hundred short ones each second among them. It holds a GPU, another job an NPU and reports a loss;
the drivers of both devices are replayed.
"""

import asyncio
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nats
import pytest

from shared.contracts import subjects
from shared.contracts.metrics import Sample
from tests.support.busy import HELD, RECEIVED, WRITTEN, BusyJob
from tests.support.dashboards import panels
from tests.support.gpus import Gpus
from tests.support.groups import counts_network
from tests.support.npus import NpuSmiProgram, recorded
from tests.support.platform import Platform
from tests.support.programs import needs
from tests.support.prometheus import PrometheusServer
from tests.support.waiting import wait_until

needs("cc", "prometheus")

OWN = "groups"
"""As the platform counts where it may: each run in a group of its own."""


def about(amount: float) -> Any:
    return pytest.approx(amount, rel=0.1)


def has_received(amount: float) -> bool:
    """Where it is not the run's own, others of the machine have received something as well."""
    return bool(amount == about(RECEIVED)) if counts_network(OWN) else amount >= RECEIVED


@dataclass(frozen=True)
class Busy:
    """The job while it holds what it has, all of its work done, and the NPU's job beside it."""

    yard: Platform
    prometheus: PrometheusServer
    job: BusyJob
    id: str
    npu_id: str

    @property
    def cpu_s(self) -> float:
        """Seconds of processor time by its own account."""
        assert self.job.cpu_ns is not None
        return self.job.cpu_ns / 1e9

    def metrics(self, start: str = "-1h") -> dict[str, Any]:
        """Its METRICS, by default since it was submitted."""
        params = {"start": start, "step": "1s"}
        answer: dict[str, Any] = self.yard.call("GET", f"/jobs/{self.id}/metrics", 200, params=params)
        return answer

    def series(self, name: str, **labels: str) -> dict[str, Any]:
        """The first of its series that is called so and has these labels; where there is none, one without points."""
        every = self.metrics()["series"]
        named = (one for one in every if one["name"] == name and labels.items() <= one["labels"].items())
        return next(named, {"points": []})

    def points(self, name: str, **labels: str) -> list[float]:
        """The values of one series of its METRICS."""
        return [value for _, value in self.series(name, **labels)["points"]]

    def exported(self, metric: str) -> float:
        """What Prometheus has of it by now."""
        (series,) = self.prometheus.wait_for(f'{metric}{{job_id="{self.id}"}}')
        return float(series["value"][1])


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Busy]:
    folder = tmp_path_factory.mktemp("busy")
    gpus, npus = Gpus(folder), NpuSmiProgram(folder)
    npus.says(table=recorded("910b3"), mapping=recorded("910b3_mapping"))
    environment = {**gpus.environment, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    yard = Platform(folder / "data", environment=environment)
    with PrometheusServer(list(yard.metrics.values())) as prometheus:
        try:
            yard.start()
            yield running(yard, prometheus, folder)
        finally:
            yard.close()


def running(yard: Platform, prometheus: PrometheusServer, folder: Path) -> Busy:
    program = BusyJob(folder).argv
    reports = "echo '{\"loss\": 0.5}' >> $JOBYARD_METRICS_FILE; sleep 600"
    npu_id = yard.submit(reports, "npu", device_type="ascend910b", devices=1, cpus=0.1)
    id = yard.submit(list(program), "busy", device_type="v100", devices=1, cpus=0.5)
    job = BusyJob(yard.data / "storage" / "jobs" / id)
    wait_until(lambda: job.cpu_ns, "the job has done its work")
    return Busy(yard, prometheus, job, id, npu_id)


def test_the_api_says_what_it_uses_while_it_runs(busy: Busy) -> None:
    wait_until(lambda: (busy.points("memory") or [0])[-1] == about(HELD), "its memory is in the API")
    wait_until(lambda: busy.metrics()["summary"]["cpu_seconds"] == about(busy.cpu_s), "its processor time as well")
    seen = busy.metrics()
    assert seen["source"] == "ring"
    assert seen["summary"]["live"]
    assert seen["summary"]["block_write_bytes"] == about(WRITTEN)
    network = seen["summary"]["network"]
    assert network["scope"] == ("run" if counts_network(OWN) else "host")
    assert has_received(network["receive_bytes"])
    assert set(busy.points("gpu_utilization", device="0")) == {0.0}
    assert busy.points("gpu_memory", device="0")
    assert not busy.points("npu_utilization"), "it holds none, and unknown is never zero"


def test_the_ring_holds_it(busy: Busy) -> None:
    async def last() -> Sample:
        connection = await nats.connect(busy.yard.nats_url)
        try:
            message = await connection.jetstream().get_last_msg(subjects.METRICS, subjects.sample(busy.id, 0))
        finally:
            await connection.close()
        return Sample.model_validate_json(message.data or b"")

    wait_until(lambda: asyncio.run(last()).cpu_seconds == about(busy.cpu_s), "its processor time is in the ring")
    sample = asyncio.run(last())
    assert sample.memory_bytes == about(HELD)
    assert sample.block_write_bytes == about(WRITTEN)
    assert sample.network is not None
    assert has_received(sample.network.receive_bytes)


def test_prometheus_holds_it(busy: Busy) -> None:
    wait_until(lambda: busy.exported("jobyard_job_cpu_seconds_total") == about(busy.cpu_s), "its processor time")
    assert busy.exported("jobyard_job_memory_working_set_bytes") == about(HELD)
    assert busy.exported("jobyard_job_block_write_bytes_total") == about(WRITTEN)
    assert has_received(busy.exported("jobyard_job_network_receive_bytes_total"))


def test_every_panel_of_the_jobs_dashboard_shows_something(busy: Busy) -> None:
    for panel in panels("jobyard-job"):
        others = "NPU" in panel.title or panel.title in ("Reported values", "Dropped")
        for query in panel.asked(busy.npu_id if others else busy.id):
            assert busy.prometheus.wait_for(query), (panel.title, query)


def test_what_it_has_used_stays_with_it(busy: Busy) -> None:
    (busy.job.folder / "go").touch()
    busy.yard.wait(busy.id, "finished")
    events = busy.yard.call("GET", f"/jobs/{busy.id}/events", 200)["items"]
    usage = events[-1]["data"]["usage"]
    assert usage["cpu_seconds"] == about(busy.cpu_s)
    assert usage["memory_peak_bytes"] == about(HELD)
    assert usage["block_write_bytes"] == about(WRITTEN)
    assert usage["device_seconds"] == about(usage["seconds"])
    wait_until(lambda: not busy.metrics()["summary"]["live"], "it is counted as over")
    summary = busy.metrics()["summary"]
    assert summary["cpu_seconds"] == usage["cpu_seconds"]
    assert summary["device_idle_share"] == 1.0, "its GPU did nothing"


def test_beside_a_prometheus_the_ring_answers_for_what_it_has_and_prometheus_for_what_it_has_not(busy: Busy) -> None:
    begin, _ = busy.series("memory")["points"][0]
    assert busy.yard.stop() == 0
    busy.yard.set(JOBYARD_PROMETHEUS_URL=busy.prometheus.url)
    busy.yard.start()
    recent = busy.metrics(start=datetime.fromtimestamp(begin, UTC).isoformat())
    assert recent["source"] == "ring"
    assert recent["series"]
    assert busy.yard.stop() == 0
    shutil.rmtree(busy.yard.data / "nats")
    busy.yard.start()
    older = busy.metrics()
    assert older["source"] == "prometheus"
    assert max(busy.points("memory")) == about(HELD)
    assert {series["name"] for series in older["series"]} >= {"cpu", "memory", "network", "block_io", "gpu_memory"}
