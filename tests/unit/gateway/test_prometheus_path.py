"""Prometheus' own HTTP API at the gateway: what goes out of a question, what is refused, and how it is said."""

import asyncio
import base64
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.gateway.audited import BY_ITSELF, Author
from services.gateway.domain.access import Role, Scope
from services.gateway.fresh import FRESH_S
from services.gateway.promql.prometheus import AT_ONCE_PER_USER
from services.gateway.watch import LOOK_S
from tests.support.gateway import Gateway, gateway
from tests.support.prometheus_double import PrometheusDouble, prometheus_double
from tests.support.waiting import until

PATH = "/prometheus/api/v1"
CPU = "jobyard_job_cpu_seconds_total"
ALICE = f'{{__name__="{CPU}",owner="alice"}}'
SLOW = "quantile_over_time(0.5, vector(time())[10900s:1s])"
RANGE = {"query": CPU, "start": "100", "end": "200", "step": "5"}


@pytest.fixture
def asked() -> Iterator[PrometheusDouble]:
    with prometheus_double() as running:
        yield running


@pytest.fixture
async def yard(tmp_path: Path, asked: PrometheusDouble) -> AsyncGenerator[Gateway, None]:
    async with gateway(tmp_path, prometheus_url=f"{asked.url}/", prometheus_answer_bytes=4096) as running:
        await running.people.vcs.create("lab", {"open": False}, BY_ITSELF)
        await running.add_account("alice", ("lab",))
        yield running


async def ask(yard: Gateway, path: str, name: str = "alice", **params: Any) -> httpx.Response:
    return await yard.call("GET", f"{PATH}/{path}", name, params=params)


def check_refused(answer: httpx.Response, status: int, *words: str) -> None:
    """A problem, and an error that Grafana shows."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert said["status"] == "error"
    assert said["error"] == said["detail"]
    assert said["error"].endswith(".")
    assert all(word in said["error"] for word in words), said["error"]


async def test_a_question_goes_out_confined_and_its_answer_comes_back_as_it_is(
    yard: Gateway, asked: PrometheusDouble
) -> None:
    asked.body = {"status": "success", "data": {"resultType": "vector", "result": [{"value": [1, "2"]}]}}
    answer = await ask(yard, "query", query=CPU, time="1609746000")
    assert (answer.status_code, answer.json()) == (200, asked.body)
    assert answer.headers["content-type"] == "application/json"
    assert (asked.last.method, asked.last.path) == ("POST", "/api/v1/query")
    assert asked.last.parameters == {"query": [ALICE], "time": ["1609746000.000"], "timeout": ["30s"]}


async def test_nothing_of_the_askers_request_goes_along(yard: Gateway, asked: PrometheusDouble) -> None:
    headers = {"X-Canary": "canary", "Cookie": "canary", "X-Scope-OrgID": "canary"}
    extra = {"query": CPU, "lookback_delta": "1y", "stats": "canary"}
    assert (await yard.call("GET", f"{PATH}/query", "alice", params=extra, headers=headers)).status_code == 200
    assert "canary" not in str(asked.last)
    assert "authorization" not in asked.last.headers
    assert "Bearer" not in str(asked.last)


async def test_a_form_says_the_same_as_an_address(yard: Gateway, asked: PrometheusDouble) -> None:
    for path, said in (("query", {"query": CPU}), ("query_range", RANGE), ("series", {"match[]": CPU}), ("labels", {})):
        assert (await ask(yard, path, **said)).status_code == 200
        by_address = asked.last.parameters
        assert (await yard.call("POST", f"{PATH}/{path}", "alice", data=said)).status_code == 200
        assert asked.last.parameters == by_address
    assert asked.last.parameters["match[]"][0].endswith('owner="alice"}')


async def test_ranges_and_lists_are_confined(yard: Gateway, asked: PrometheusDouble) -> None:
    await ask(yard, "query_range", **RANGE)
    assert asked.last.parameters | {"timeout": []} == {
        "query": [ALICE],
        "start": ["100.000"],
        "end": ["200.000"],
        "step": ["5.000"],
        "timeout": [],
    }
    for path in ("series", "labels", "label/owner/values", "label/__name__/values"):
        said: dict[str, Any] = {"match[]": [CPU, '{__name__=~".+"}'], "start": "2026-11-23T09:00:00Z", "limit": "7"}
        await ask(yard, path, **said)
        assert asked.last.path == f"/api/v1/{path}"
        assert all('owner="alice"' in match for match in asked.last.parameters["match[]"])
        assert (asked.last.parameters["limit"], asked.last.parameters["start"]) == (["7"], ["1795424400.000"])
    await ask(yard, "label/owner/values")
    assert len(asked.last.parameters["match[]"]) == 1


async def test_an_administrator_asks_as_it_is(yard: Gateway, asked: PrometheusDouble) -> None:
    await ask(yard, "query", "admin", query="up{owner='x'} smoothed")
    assert asked.last.parameters["query"] == ["up{owner='x'} smoothed"]
    await ask(yard, "labels", "admin")
    assert "match[]" not in asked.last.parameters
    await ask(yard, "metadata", "admin", metric="up")
    assert (asked.last.method, asked.last.path, asked.last.parameters) == (
        "GET",
        "/api/v1/metadata",
        {"metric": ["up"]},
    )


async def test_members_of_an_open_virtual_cluster_read_one_another(yard: Gateway, asked: PrometheusDouble) -> None:
    await yard.add_account("bob", {"default": Role.MEMBER, "lab": Role.ADMIN})
    await ask(yard, "query", "bob", query=CPU)
    first, second = asked.last.parameters["query"][0].split(" or ")
    assert 'vc=~"default|lab"' in first
    assert 'owner="bob",vc!~"default|lab"' in second


async def test_a_right_that_was_lost_meanwhile_gives_no_answer(yard: Gateway, asked: PrometheusDouble) -> None:
    asked.held.clear()
    asking = asyncio.create_task(ask(yard, "query", query=CPU))
    await until(lambda: asked.asked, "the question goes out")
    await yard.accounts.update("alice", BY_ITSELF, {"disabled": True})
    yard.clock.advance(FRESH_S + LOOK_S)
    asked.held.set()
    check_refused(await asking, 503, "has changed")


async def test_metadata_of_jobs_is_the_same_for_everybody_and_nothing_else(
    yard: Gateway, asked: PrometheusDouble
) -> None:
    described = (await ask(yard, "metadata")).json()["data"]
    assert described[CPU][0]["type"] == "counter"
    assert "jobyard_queue_jobs" in described
    assert not {"jobyard_http_requests_total", "jobyard_scheduler_leader"} & set(described)
    assert list((await ask(yard, "metadata", metric=CPU)).json()["data"]) == [CPU]
    assert asked.asked == []


async def test_grafana_learns_which_version_answers(yard: Gateway, asked: PrometheusDouble) -> None:
    asked.body = {"status": "success", "data": {"version": "2.42.0"}}
    assert (await ask(yard, "status/buildinfo")).json()["data"]["version"] == "2.42.0"


@pytest.mark.parametrize(
    ("path", "said", "words"),
    [
        ("query", {}, ["query"]),
        ("query", {"query": ""}, ["query"]),
        ("query", {"query": [CPU, "up"]}, ["twice"]),
        ("query", {"query": CPU, "time": "soon"}, ["time"]),
        ("query", {"query": CPU, "time": "NaN"}, ["time"]),
        ("query", {"query": CPU, "time": "1e309"}, ["time"]),
        ("query", {"query": CPU, "time": "2026-11-23T09:00:00"}, ["zone"]),
        ("query", {"query": CPU, "limit": "-1"}, ["limit"]),
        ("query", {"query": "sum("}, ["PromQL"]),
        ("query", {"query": "{}"}, ["PromQL"]),
        ("query", {"query": CPU + " or " + "a" * 9000}, ["characters"]),
        ("query", {"query": CPU, **{f"a{n}": "b" for n in range(200)}}, ["parameters"]),
        ("query_range", {**RANGE, "start": "201"}, ["start", "swap"]),
        ("query_range", {**RANGE, "step": "0"}, ["step"]),
        ("query_range", {**RANGE, "step": "-1"}, ["step"]),
        ("query_range", {**RANGE, "step": "NaN"}, ["step"]),
        ("query_range", {**RANGE, "step": "1m1"}, ["step"]),
        ("query_range", {**RANGE, "end": "11100", "step": "1"}, ["11,000", "step"]),
        ("query_range", {**RANGE, "end": "1000000000", "step": "1y"}, ["366 days"]),
        ("query_range", {"query": CPU, "end": "1", "step": "1"}, ["start"]),
        ("query_range", {**RANGE, "query": SLOW, "end": "10999", "step": "1"}, ["evaluated"]),
        ("series", {}, ["match[]"]),
        ("series", {"match[]": [CPU] * 21}, ["match[]"]),
        ("series", {"match[]": f"rate({CPU}[5m])"}, ["match[]"]),
        ("series", {"match[]": [f'{CPU}{{a=~"b"}}'] * 11}, ["regular expressions"]),
        ("series", {"match[]": [f'{CPU}{{a="{"b" * 900}"}}'] * 10}, ["match[]", "characters"]),
        ("label/a.b/values", {}, ["label"]),
        ("label/%2e%2e/values", {}, ["label"]),
        ("label/a%3Fmatch/values", {}, ["label"]),
    ],
)
async def test_bad_input_is_422_and_is_not_asked(
    yard: Gateway, asked: PrometheusDouble, path: str, said: dict[str, Any], words: list[str]
) -> None:
    check_refused(await ask(yard, path, **said), 422, *words)
    assert asked.asked == []


async def test_metrics_of_the_platform_are_403_and_are_not_asked(yard: Gateway, asked: PrometheusDouble) -> None:
    check_refused(await ask(yard, "query", query="up"), 403, "administrator")
    check_refused(await ask(yard, "series", **{"match[]": "up"}), 403, "administrator")
    assert asked.asked == []


async def test_only_forms_are_taken_and_only_as_large_as_bodies_may_be(yard: Gateway, asked: PrometheusDouble) -> None:
    path = f"{PATH}/query"
    assert (await yard.call("POST", path, "alice", json={"query": CPU})).status_code == 415
    assert (await yard.call("POST", path, "alice", files={"query": CPU.encode()})).status_code == 415
    assert (await yard.call("POST", path, "alice", data={"query": "a" * (2 << 20)})).status_code == 413
    assert (
        await yard.call("POST", path, "alice", data={"query": CPU}, headers={"Origin": "https://evil.example"})
    ).status_code == 403
    assert (await yard.call("POST", "/jobs", "alice", data={"name": "j"})).status_code == 415
    assert (await yard.http.get(f"/api/v1{path}", params={"query": CPU})).status_code == 401
    assert asked.asked == []


async def test_a_token_that_only_reads_may_ask_by_a_form_and_still_changes_nothing(
    yard: Gateway, asked: PrometheusDouble
) -> None:
    _, secret = await yard.people.api_tokens.create(Author("alice"), "grafana", Scope.READ)
    headers = {"Authorization": f"Bearer {secret}"}
    answer = await yard.http.post(f"/api/v1{PATH}/query", data={"query": CPU}, headers=headers)
    assert (answer.status_code, asked.last.parameters["query"]) == (200, [ALICE])
    refused = await yard.http.post("/api/v1/jobs", json={"name": "j", "command": "true"}, headers=headers)
    assert refused.status_code == 403


async def test_without_a_prometheus_it_says_what_to_set(tmp_path: Path) -> None:
    async with gateway(tmp_path) as bare:
        for path in ("query", "query_range", "series", "labels", "label/vc/values", "metadata", "status/buildinfo"):
            check_refused(await ask(bare, path, "admin", **RANGE), 503, "JOBYARD_PROMETHEUS_URL")


async def test_what_prometheus_says_of_a_wrong_question_is_passed_on(yard: Gateway, asked: PrometheusDouble) -> None:
    asked.status, asked.body = 422, {"status": "error", "errorType": "execution", "error": "multiple matches"}
    check_refused(await ask(yard, "query", query=CPU), 422, "multiple matches")
    asked.status, asked.body = 503, {"status": "error", "errorType": "timeout", "error": "query timed out"}
    check_refused(await ask(yard, "query", query=CPU), 503, "in time")


@pytest.mark.parametrize(
    ("status", "body", "type"),
    [
        (500, b"canary", "text/plain"),
        (401, b'{"error": "canary"}', "application/json"),
        (404, b"canary", "text/plain"),
        (200, b"<html>canary", "text/html"),
        (400, b"canary", "text/plain"),
    ],
)
async def test_whatever_else_answers_there_is_not_passed_on(
    yard: Gateway, asked: PrometheusDouble, status: int, body: bytes, type: str
) -> None:
    asked.status, asked.body, asked.type = status, body, type
    answer = await ask(yard, "query", query=CPU)
    check_refused(answer, 503, "JOBYARD_PROMETHEUS_URL")
    assert "canary" not in answer.text


async def test_the_address_may_hold_a_password_which_goes_to_prometheus_alone(
    tmp_path: Path, asked: PrometheusDouble, capsys: pytest.CaptureFixture[str]
) -> None:
    with_password = asked.url.replace("http://", "http://reader:canary@")
    async with gateway(tmp_path, prometheus_url=with_password) as yard:
        assert (await ask(yard, "query", "admin", query=CPU)).status_code == 200
        assert asked.last.headers["authorization"] == f"Basic {base64.b64encode(b'reader:canary').decode()}"
        asked.status, asked.body, asked.type = 500, b"", "text/plain"
        assert "canary" not in (await ask(yard, "query", "admin", query=CPU)).text
    assert "canary" not in "".join(capsys.readouterr())


async def test_it_is_not_led_elsewhere(yard: Gateway, asked: PrometheusDouble) -> None:
    with prometheus_double() as elsewhere:
        asked.status, asked.location = 307, f"{elsewhere.url}/api/v1/query"
        check_refused(await ask(yard, "query", query=CPU), 503, "JOBYARD_PROMETHEUS_URL")
        assert elsewhere.asked == []


async def test_an_answer_that_is_too_large_is_refused(yard: Gateway, asked: PrometheusDouble) -> None:
    asked.body = b'"' + b"a" * 4095 + b'"'
    check_refused(await ask(yard, "query", query=CPU), 422, "MiB")


async def test_an_answer_that_never_comes_is_given_up(tmp_path: Path, asked: PrometheusDouble) -> None:
    asked.held.clear()
    async with gateway(tmp_path, prometheus_url=asked.url, prometheus_timeout_s=0.2) as hasty:
        check_refused(await ask(hasty, "query", "admin", query=CPU), 503, "in time")


async def test_one_that_is_away_is_said_to_be(tmp_path: Path, asked: PrometheusDouble) -> None:
    async with gateway(tmp_path, prometheus_url="http://127.0.0.1:1") as alone:
        check_refused(await ask(alone, "query", "admin", query=CPU), 503, "JOBYARD_PROMETHEUS_URL")


async def test_one_users_questions_wait_for_each_other_and_not_for_others(
    yard: Gateway, asked: PrometheusDouble
) -> None:
    asked.held.clear()
    many = [asyncio.create_task(ask(yard, "query", query=CPU)) for _ in range(AT_ONCE_PER_USER + 3)]
    await until(lambda: len(asked.asked) == AT_ONCE_PER_USER, "as many go out as may")
    other = asyncio.create_task(ask(yard, "query", "admin", query="up"))
    await until(lambda: asked.last.parameters["query"] == ["up"], "another one goes out")
    assert len(asked.asked) == AT_ONCE_PER_USER + 1
    asked.held.set()
    assert {answer.status_code for answer in await asyncio.gather(other, *many)} == {200}
    assert len(asked.asked) == AT_ONCE_PER_USER + 4
