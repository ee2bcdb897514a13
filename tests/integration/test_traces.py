"""Traces: one of them leads from a caller's own request through every message to the run's start."""

import secrets

from tests.support.collector import Collector, Received, collector
from tests.support.platform import platform
from tests.support.waiting import wait_until

STEPS = ("job started", "run started", "job scheduled", "job placed", "job submitted", "POST /api/v1/jobs")
"""From the end to the beginning: each below the next."""
SERVICES = ("jobs", "executor", "jobs", "scheduler", "jobs", "gateway")


def test_a_trace_leads_from_the_request_through_every_message_to_the_runs_start() -> None:
    with collector() as traces, platform(JOBYARD_OTLP_URL=traces.url, OTEL_BSP_SCHEDULE_DELAY="200") as yard:
        trace_id, own = secrets.token_hex(16), secrets.token_hex(8)
        headers = yard.headers() | {"traceparent": f"00-{trace_id}-{own}-01"}
        body = {"name": "traced", "command": "true", "cpus": 0.1}
        job_id = yard.post("/api/v1/jobs", json=body, headers=headers).json()["id"]
        yard.wait(job_id, "finished")
        wait_until(lambda: set(STEPS) <= traces.of(trace_id).keys(), f"every step is there: {traces.of(trace_id)}")
        found = [traces.of(trace_id)[name] for name in STEPS]
        assert [step.service for step in found] == [f"jobyard-{service}" for service in SERVICES]
        assert [step.parent_id for step in found] == [*(step.span_id for step in found[1:]), own]
        assert {step.job_id for step in found[:-1]} == {job_id}
        _check_events(yard.call("GET", f"/jobs/{job_id}/events", 200)["items"], found)


def _check_events(events: list[dict[str, str]], found: list[Received]) -> None:
    """A job's events name the step that made them, so that integrations can go on from there."""
    by_name = {step.name: step for step in found}
    for fact in ("submitted", "scheduled", "started"):
        event = next(event for event in events if event["type"] == f"io.jobyard.job.{fact}.v1")
        step = by_name[f"job {fact}"]
        assert event["traceparent"] == f"00-{step.trace_id}-{step.span_id}-01"


def test_a_broken_traceparent_and_a_collector_that_is_away_do_no_harm() -> None:
    gone = Collector("http://127.0.0.1:9")
    with platform(JOBYARD_OTLP_URL=gone.url, OTEL_BSP_SCHEDULE_DELAY="200") as yard:
        for broken in ("00-zz-zz-01", "é", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "x" * 4000):
            headers = {**yard.headers(), "traceparent": broken.encode("utf-8")}
            answer = yard.post("/api/v1/jobs", json={"name": "a", "command": "true", "cpus": 0.1}, headers=headers)
            assert answer.status_code == 201, answer.text
            yard.wait(answer.json()["id"], "finished")
        assert yard.stop() == 0
        assert "was killed" not in yard.output()


def test_without_a_collector_events_name_no_step() -> None:
    with platform() as yard:
        headers = yard.headers() | {"traceparent": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"}
        body = {"name": "plain", "command": "true", "cpus": 0.1}
        job_id = yard.post("/api/v1/jobs", json=body, headers=headers).json()["id"]
        yard.wait(job_id, "finished")
        events = yard.call("GET", f"/jobs/{job_id}/events", 200)["items"]
        assert {event.get("traceparent") for event in events} == {None}
