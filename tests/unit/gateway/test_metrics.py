"""What a job uses: its series, and its sums in lists and briefs; for whom, and what the other services are asked."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from services.gateway.measured import ANSWER_POINTS
from services.gateway.summaries import LEFT_ALONE_S
from shared.contracts.commands.metrics import QUERY_METRICS, SUMMARIES
from shared.contracts.commands.scheduling import FORESEE
from shared.contracts.commands.submission import Foresight
from shared.contracts.errors import Unavailable
from shared.contracts.job import Job, JobStatus, Reason
from shared.contracts.metrics import (
    AskSummaries,
    JobUsage,
    MetricsPage,
    QueryMetrics,
    Series,
    Summaries,
)
from tests.support.gateway import START, Gateway, add_job

CPU = Series(name="cpu", unit="cores", labels={"rank": "0"}, times=(1.0, 2.0), values=(0.5, 1.0))
LOSS = Series(name="loss", kind="reported", unit="", labels={"rank": "0"}, times=(2.0,), values=(0.25,))


def running(yard: Gateway, **changes: Any) -> Job:
    return add_job(yard, status=JobStatus.RUNNING, attempt=1, started_at=START, **changes)


def answers(yard: Gateway, *pages: Sequence[Series]) -> None:
    """The metrics service has these series, in these pages."""
    every = [series for page in pages for series in page]

    def query(ask: QueryMetrics) -> MetricsPage:
        first = 0
        for page in pages:
            if first == ask.skip:
                return MetricsPage(series=tuple(page), source="ring", more=first + len(page) < len(every))
            first += len(page)
        raise AssertionError(f"asked for series from {ask.skip}, which is no page")

    yard.bus.answers[QUERY_METRICS.subject] = query


def sums(yard: Gateway, *usages: JobUsage) -> None:
    """The metrics service has these sums."""
    known = {usage.job_id: usage for usage in usages}
    yard.bus.answers[SUMMARIES.subject] = lambda ask: Summaries(
        items=tuple(known[id] for id in ask.job_ids if id in known)
    )


def asked(yard: Gateway, kind: type[Any]) -> list[Any]:
    return [ask for ask in yard.bus.asked if isinstance(ask, kind)]


# --- the series


async def test_a_jobs_series_are_answered_as_points(yard: Gateway) -> None:
    job = running(yard)
    answers(yard, [CPU, LOSS])
    usage = JobUsage(job_id=job.id, cpu_seconds=1.5, live=True)
    sums(yard, usage)
    yard.clock.advance(59.5)
    answer = await yard.call("GET", f"/jobs/{job.id}/metrics")
    assert answer.status_code == 200
    assert answer.json() == {
        "series": [
            {
                "name": "cpu",
                "kind": "usage",
                "unit": "cores",
                "labels": {"rank": "0"},
                "points": [[1.0, 0.5], [2.0, 1.0]],
            },
            {"name": "loss", "kind": "reported", "unit": "", "labels": {"rank": "0"}, "points": [[2.0, 0.25]]},
        ],
        "source": "ring",
        "start": "2026-01-01T00:00:00.000Z",
        "end": "2026-01-01T00:01:00.000Z",
        "step": 1.0,
        "simulated": False,
        "summary": json.loads(usage.model_dump_json()),
    }


async def test_start_end_and_step_reach_the_metrics_service(yard: Gateway) -> None:
    job = running(yard)
    answers(yard, [CPU])
    yard.clock.advance(7200)
    await yard.call("GET", f"/jobs/{job.id}/metrics?start=-1h&end=2026-01-01T01:30:00Z&step=1m")
    (ask,) = asked(yard, QueryMetrics)
    assert ask.model_dump(mode="json") == {
        "job_id": job.id,
        "start": "2026-01-01T01:00:00.000Z",
        "end": "2026-01-01T01:30:00.000Z",
        "step_s": 60.0,
        "skip": 0,
        "source": None,
    }


async def test_every_page_is_fetched_and_no_series_is_there_twice(yard: Gateway) -> None:
    job = running(yard)
    other = CPU.model_copy(update={"labels": {"rank": "1"}})
    answers(yard, [CPU, other], [other, LOSS], [LOSS.model_copy(update={"name": "step"})])
    found = (await yard.call("GET", f"/jobs/{job.id}/metrics")).json()["series"]
    assert [(series["name"], series["labels"]["rank"]) for series in found] == [
        ("cpu", "0"),
        ("cpu", "1"),
        ("loss", "0"),
        ("step", "0"),
    ]
    assert [(ask.skip, ask.source) for ask in asked(yard, QueryMetrics)] == [(0, None), (2, "ring"), (4, "ring")]


async def test_whether_devices_are_simulated_is_said_as_far_as_the_scheduler_does(yard: Gateway) -> None:
    job = running(yard, device_type="v100", devices=2)
    path = f"/jobs/{job.id}/metrics"
    answers(yard, [CPU])
    assert (await yard.call("GET", path)).json()["simulated"] is None
    warning = Reason(code="simulated_devices", message="Every v100 here is simulated.")
    yard.bus.answers[FORESEE.subject] = lambda ask: Foresight(warnings=(warning,))
    assert (await yard.call("GET", path)).json()["simulated"] is True
    use = CPU.model_copy(update={"name": "gpu_utilization", "unit": "ratio", "labels": {"rank": "0", "device": "1"}})
    answers(yard, [CPU, use])
    assert (await yard.call("GET", path)).json()["simulated"] is False


async def test_a_job_without_samples_has_no_series(yard: Gateway) -> None:
    job = add_job(yard)
    answers(yard, [])
    answer = await yard.call("GET", f"/jobs/{job.id}/metrics")
    assert (answer.status_code, answer.json()["series"], answer.json()["summary"]) == (200, [], None)


async def test_an_answer_that_would_be_too_large_is_refused(yard: Gateway) -> None:
    job = running(yard)
    many = tuple(float(number) for number in range(10_000))
    long = [CPU.model_copy(update={"name": f"n{number}", "times": many, "values": many}) for number in range(26)]
    assert len(long) * len(many) > ANSWER_POINTS
    answers(yard, *[[series] for series in long])
    answer = await yard.call("GET", f"/jobs/{job.id}/metrics")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "step")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("start=-1h&end=-2h", "start"),
        ("start=2026-01-02T00:00:00Z&end=2026-01-01T00:00:00Z", "start"),
        ("step=0", "step"),
        ("step=-1", "step"),
        ("step=NaN", "step"),
        ("start=-1000000s&step=1", "step"),
        ("start=1e309", "start"),
        ("start=" + "9" * 41, "start"),
        ("end=%0d%0aX:%20y", "end"),
        ("step=%00", "step"),
        ("start[$ne]=1", "start[$ne]"),
        ("begin=-1h", "begin"),
    ],
)
async def test_what_makes_no_sense_is_refused_and_not_asked(yard: Gateway, query: str, field: str) -> None:
    job = running(yard)
    answers(yard, [CPU])
    yard.clock.advance(7200)
    answer = await yard.call("GET", f"/jobs/{job.id}/metrics?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert asked(yard, QueryMetrics) == []


async def test_ids_that_are_none_ask_nobody(yard: Gateway) -> None:
    for id in ("*", "%3E", "a.b", "01jd8f2m5v7q0r3s6t9w2x4y8z", "..%2f"):
        answer = await yard.call("GET", f"/jobs/{id}/metrics")
        assert answer.status_code in (404, 422), id
    assert yard.bus.asked == []


async def test_foreign_jobs_do_not_exist_and_those_of_a_closed_vc_are_forbidden(yard: Gateway) -> None:
    answers(yard, [CPU])
    await yard.add_account("ada")
    await yard.add_account("eve", ("other",))
    job = running(yard)
    path = f"/jobs/{job.id}/metrics"
    assert (await yard.http.get(f"/api/v1{path}")).status_code == 401
    assert (await yard.call("GET", path, "eve")).status_code == 404
    assert (await yard.call("GET", path, "ada")).status_code == 200
    await yard.call("PATCH", "/vcs/default", json={"open": False})
    yard.clock.advance(60)
    before = len(asked(yard, QueryMetrics))
    answer = await yard.call("GET", path, "ada")
    assert (answer.status_code, "read its metrics" in answer.json()["detail"]) == (403, True)
    assert len(asked(yard, QueryMetrics)) == before


async def test_without_the_metrics_service_the_answer_is_503(yard: Gateway) -> None:
    job = running(yard)
    answer = await yard.call("GET", f"/jobs/{job.id}/metrics")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "metrics service" in answer.json()["detail"]


# --- the sums


async def test_lists_and_briefs_say_what_a_job_has_used(yard: Gateway) -> None:
    waits, job = add_job(yard), running(yard)
    usage = JobUsage(job_id=job.id, runs=1, cpu_seconds=12.5, reported={"loss": 0.25})
    sums(yard, usage)
    items = {item["id"]: item["usage"] for item in (await yard.call("GET", "/jobs")).json()["items"]}
    assert items == {waits.id: None, job.id: json.loads(usage.model_dump_json())}
    assert (await yard.call("GET", f"/jobs/{job.id}")).json()["usage"]["cpu_seconds"] == 12.5
    assert [ask.job_ids for ask in asked(yard, AskSummaries)] == [(job.id,), (job.id,)]


async def test_who_may_not_read_metrics_is_not_told_of_them_in_lists_either(yard: Gateway) -> None:
    await yard.add_account("ada")
    job = running(yard)
    sums(yard, JobUsage(job_id=job.id, cpu_seconds=1.0))
    assert (await yard.call("GET", f"/jobs/{job.id}", "ada")).json()["usage"] is not None
    await yard.call("PATCH", "/vcs/default", json={"open": False})
    yard.clock.advance(60)
    before = len(asked(yard, AskSummaries))
    assert (await yard.call("GET", f"/jobs/{job.id}", "ada")).json()["usage"] is None
    listed = (await yard.call("GET", "/jobs?scope=all&status=running", "ada")).json()["items"]
    assert [(item["id"], item["usage"]) for item in listed] == [(job.id, None)]
    assert len(asked(yard, AskSummaries)) == before


async def test_jobs_whose_sums_found_no_room_in_an_answer_are_asked_for_again(yard: Gateway) -> None:
    for _ in range(5):
        running(yard)

    def two_at_a_time(ask: AskSummaries) -> Summaries:
        items = tuple(JobUsage(job_id=id, runs=1) for id in ask.job_ids[:2])
        return Summaries(items=items, left=ask.job_ids[2:])

    yard.bus.answers[SUMMARIES.subject] = two_at_a_time
    items = (await yard.call("GET", "/jobs")).json()["items"]
    assert [item["usage"]["job_id"] for item in items] == [item["id"] for item in items]
    assert [len(ask.job_ids) for ask in asked(yard, AskSummaries)] == [5, 3, 1]


async def test_sums_that_take_too_long_are_left_out_of_a_list(yard: Gateway) -> None:
    job = running(yard)

    def slowly(ask: AskSummaries) -> Summaries:
        yard.clock.advance(1)
        return Summaries(items=(), left=ask.job_ids)

    yard.bus.answers[SUMMARIES.subject] = slowly
    answer = await yard.call("GET", "/jobs")
    assert [(item["id"], item["usage"]) for item in answer.json()["items"]] == [(job.id, None)]
    assert len(asked(yard, AskSummaries)) == 1


async def test_a_metrics_service_that_is_away_fails_no_list_and_is_left_alone_for_a_while(yard: Gateway) -> None:
    job = running(yard)

    def away(ask: AskSummaries) -> Summaries:
        raise Unavailable("The metrics service did not answer in time. Try again.")

    yard.bus.answers[SUMMARIES.subject] = away
    for _ in range(3):
        answer = await yard.call("GET", "/jobs")
        assert (answer.status_code, answer.json()["items"][0]["usage"]) == (200, None)
    assert len(asked(yard, AskSummaries)) == 1
    sums(yard, JobUsage(job_id=job.id))
    yard.clock.advance(LEFT_ALONE_S)
    assert (await yard.call("GET", "/jobs")).json()["items"][0]["usage"] is not None
