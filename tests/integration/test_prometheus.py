"""What Prometheus learns of the platform, with a real one: every part of it, and the same from separate services."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from shared.contracts.instruments import INSTRUMENTS
from tests.support.platform import Platform, platform
from tests.support.programs import needs
from tests.support.prometheus import PrometheusServer
from tests.support.waiting import wait_until

needs("prometheus")

NOT_OURS = ("process_", "jobyard_job_")
"""What every process says of itself, and what jobs use."""
PARTS = {
    "core": {"jobs", "scheduler", "logs", "metrics", "notify"},
    "executor": {"executor"},
    "gateway": {"gateway"},
    "endpoints": {"endpoints"},
}


@pytest.fixture(scope="module")
def yard() -> Iterator[Platform]:
    with platform(simulate="v100=2") as running:
        yield running


@pytest.fixture(scope="module")
def prometheus(yard: Platform) -> Iterator[PrometheusServer]:
    with PrometheusServer(list(yard.metrics.values())) as running:
        yield running


def value(prometheus: PrometheusServer, promql: str) -> float:
    """Of a query with one result, once there is one."""
    (result,) = prometheus.wait_for(promql)
    return float(result["value"][1])


def metrics_of(yard: Platform, part: str) -> str:
    """What this part, or service, says now."""
    return httpx.get(f"http://{yard.metrics[part]}/metrics", timeout=30, trust_env=False).text


def names_of(text: str) -> set[str]:
    return set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))


def test_every_part_says_which_of_its_services_can_work(yard: Platform) -> None:
    for part, services in PARTS.items():
        text = metrics_of(yard, part)
        ready = re.findall(r'^jobyard_service_ready\{service="(\w+)"\} 1\.0$', text, re.MULTILINE)
        assert set(ready) == services
        assert f"{yard.metrics[part].partition(':')[2]} ({part})" in yard.output(), "the start says where it is"
        assert "process_resident_memory_bytes" in text


def test_the_parts_together_have_what_the_table_promises_and_nothing_else(yard: Platform) -> None:
    yard.wait(yard.submit("true"))
    texts = [metrics_of(yard, part) for part in PARTS]
    found = {name for text in texts for name in names_of(text) if not name.startswith(NOT_OURS)}
    assert found == {one.name for one in INSTRUMENTS}


def test_a_job_that_waits_is_counted_by_its_virtual_cluster_and_its_reason(
    yard: Platform, prometheus: PrometheusServer
) -> None:
    holder = yard.submit("sleep 600", device_type="v100", devices=2)
    yard.wait(holder, "running")
    waiting = yard.submit("true", device_type="v100", devices=1)
    reason = 'jobyard_queue_jobs{vc="default",reason="waiting_for_devices"}'
    assert value(prometheus, f"{reason} == 1") == 1
    assert value(prometheus, 'jobyard_jobs{vc="default",status="running"} == 1') == 1
    assert value(prometheus, 'jobyard_devices_held{vc="default",device_type="v100"} == 2') == 2
    assert value(prometheus, 'jobyard_devices{device_type="v100"}') == 2
    assert value(prometheus, 'jobyard_executor_runs{state="running"} == 1') == 1
    for id in (waiting, holder):
        yard.call("POST", f"/jobs/{id}/kill")
        yard.wait(id, "killed")
    wait_until(lambda: not prometheus.query(reason), "nobody waits")
    wait_until(lambda: not prometheus.query("jobyard_devices_held"), "nobody holds a device")


def test_what_a_job_sets_in_motion_is_counted_on_its_way(yard: Platform, prometheus: PrometheusServer) -> None:
    id = yard.submit("for i in 1 2 3; do echo line $i; done")
    yard.wait(id, "finished")
    wait_until(lambda: len(yard.lines(id)) == 3, "its lines are there")
    assert value(prometheus, 'jobyard_events_published_total{event="job.submitted"} > 0') >= 1
    assert value(prometheus, 'jobyard_events_published_total{event="run.exited"} > 0') >= 1
    assert value(prometheus, 'jobyard_submit_to_start_seconds_count{vc="default"} > 0') >= 1
    assert value(prometheus, "jobyard_executor_launch_seconds_count > 0") >= 1
    assert value(prometheus, 'jobyard_executor_samples_total{outcome="sent"} > 0') >= 1
    assert value(prometheus, "jobyard_scheduler_cycle_seconds_count > 0") >= 1
    assert value(prometheus, 'jobyard_scheduler_decisions_total{decision="placement"} > 0') >= 1
    assert value(prometheus, "jobyard_log_lines_total >= 3") >= 3
    assert value(prometheus, 'jobyard_messages_total{consumer="jobs",outcome="handled"} > 0') >= 1
    assert value(prometheus, 'jobyard_http_requests_total{method="POST",route="/api/v1/jobs",status="201"} > 0') >= 1
    assert value(prometheus, "jobyard_scheduler_leader") == 1


def test_streams_and_consumers_are_there_as_nats_has_them(yard: Platform, prometheus: PrometheusServer) -> None:
    for consumer in ("jobs", "notify", "endpoints", "gateway-audit", "followers"):
        assert value(prometheus, f'jobyard_consumer_pending_messages{{stream="EVENTS",consumer="{consumer}"}}') >= 0
    assert value(prometheus, 'jobyard_stream_limit_bytes{stream="EVENTS"}') == 4 << 30
    assert value(prometheus, 'jobyard_stream_stored_total{stream="DEADLETTERS"}') == 0
    assert value(prometheus, 'jobyard_consumer_pending_messages{consumer="jobs"} == 0') == 0


def test_no_series_names_a_job_or_a_person(yard: Platform) -> None:
    id = yard.submit("true")
    yard.wait(id, "finished")
    texts = [metrics_of(yard, part) for part in PARTS]
    assert not any(id in line and not line.startswith("jobyard_job_") for text in texts for line in text.splitlines())
    assert "admin" not in metrics_of(yard, "core")


def test_what_the_gateway_shows_everybody_is_what_its_own_port_shows_without_names(yard: Platform) -> None:
    public = httpx.get(f"{yard.url}/metrics", timeout=30, trust_env=False).text
    own = metrics_of(yard, "gateway")
    assert names_of(own) - names_of(public) <= {"jobyard_service_ready"}
    assert not re.search(r"\b(vc|owner|job_id)=", public)


def test_an_executor_that_was_killed_counts_the_run_that_it_finds_and_measures_its_launch_once(yard: Platform) -> None:
    id = yard.submit("sleep 600")
    yard.wait(id, "running")
    yard.kill_part("executor")
    wait_until(yard.is_ready, "it is back")
    wait_until(lambda: 'jobyard_executor_runs{state="running"} 1.0' in metrics_of(yard, "executor"), "it is found")
    assert "jobyard_executor_launch_seconds_count 0.0" in metrics_of(yard, "executor")
    yard.call("POST", f"/jobs/{id}/kill")
    yard.wait(id, "killed")
    wait_until(lambda: 'jobyard_executor_runs{state="running"} 0.0' in metrics_of(yard, "executor"), "it is over")


def test_a_shell_in_a_job_is_a_session_as_long_as_it_is_open(yard: Platform) -> None:
    id = yard.submit("sleep 600", endpoints=["ssh"])
    yard.wait(id, "running")
    sessions = 'jobyard_endpoint_sessions{kind="ssh"}'
    assert f"{sessions} 1.0" not in metrics_of(yard, "endpoints")
    url = f"ws://127.0.0.1:{yard.door_port}/endpoints/{id}/ssh/exec?rank=0"
    wait_until(lambda: endpoint_is_ready(yard, id), "its endpoint is open")
    with connect(url, additional_headers=yard.headers(), proxy=None) as shell:
        shell.send('{"command": null, "terminal": {"columns": 80, "rows": 24}, "env": {}}')
        wait_until(lambda: f"{sessions} 1.0" in metrics_of(yard, "endpoints"), "it is counted")
    wait_until(lambda: f"{sessions} 0.0" in metrics_of(yard, "endpoints"), "it is over")
    yard.call("POST", f"/jobs/{id}/kill")
    yard.wait(id, "killed")


def endpoint_is_ready(yard: Platform, id: str) -> bool:
    return [one["status"] for one in yard.call("GET", f"/jobs/{id}/endpoints")["items"]] == ["ready"]


def test_a_part_whose_port_is_taken_goes_on_without_and_says_so(tmp_path: Path) -> None:
    own = Platform(tmp_path / "data")
    port = int(own.metrics["executor"].partition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        try:
            own.start()
            assert f"Port {port} is taken, so Prometheus cannot read the metrics of executor." in own.output()
            assert own.wait(own.submit("true"))["status"] == "finished"
            assert 'jobyard_service_ready{service="jobs"} 1.0' in metrics_of(own, "core")
        finally:
            own.close()
