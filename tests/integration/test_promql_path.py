"""People ask a real Prometheus through the gateway, and read the series of the jobs they may see, whatever they ask."""

from collections.abc import AsyncGenerator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from services.gateway.audited import BY_ITSELF
from services.gateway.domain.access import Role
from services.gateway.domain.sight import JOB_METRICS
from tests.support.exposition import ExposedJob, exposed
from tests.support.gateway import Gateway, gateway
from tests.support.programs import needs
from tests.support.prometheus import PrometheusServer
from tests.support.queries import CPU, HONEST, MEMORY, NARROWER, STRANGE_TEXT

needs("prometheus")
pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/prometheus/api/v1"
ALICE_CLOSED = ExposedJob("01JD8F2M5V7Q0R3S6T9W2X4Y0A", "alice", "lab", 1)
ALICE_OPEN = ExposedJob("01JD8F2M5V7Q0R3S6T9W2X4Y0B", "alice", "default", 2)
ALICE_LEFT = ExposedJob("01JD8F2M5V7Q0R3S6T9W2X4Y0C", "alice", "team-a", 4)
BOB_CLOSED = ExposedJob("01JD8F2M5V7Q0R3S6T9W2X4Y0D", "bob", "lab", 8)
BOB_OPEN = ExposedJob("01JD8F2M5V7Q0R3S6T9W2X4Y0E", "bob", "default", 16)
MALLORY = ExposedJob("01JD8F2M5V7Q0R3S6T9W2X4Y0F", "mallory", "team-a", 32)
JOBS = (ALICE_CLOSED, ALICE_OPEN, ALICE_LEFT, BOB_CLOSED, BOB_OPEN, MALLORY)
SEEN = {
    "alice": {ALICE_CLOSED, ALICE_OPEN, ALICE_LEFT, BOB_OPEN},
    "bob": {BOB_CLOSED, BOB_OPEN, ALICE_CLOSED, ALICE_OPEN},
    "mallory": {MALLORY},
    "stranger": set[ExposedJob](),
}
"""Everybody sees the own jobs and, where members may read one another's or one leads, those of others."""


@pytest.fixture(scope="module")
def prometheus() -> Iterator[PrometheusServer]:
    with exposed(JOBS) as target, PrometheusServer([target]) as running:
        running.wait_for(f"count(count_over_time({MEMORY}[1h]) > 2) == {len(JOBS)}")
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def yard(tmp_path_factory: pytest.TempPathFactory, prometheus: PrometheusServer) -> AsyncGenerator[Gateway, None]:
    async with gateway(tmp_path_factory.mktemp("gateway"), prometheus_url=prometheus.url) as running:
        for vc in ("lab", "team-a"):
            await running.people.vcs.create(vc, {"open": False}, BY_ITSELF)
        await running.add_account("alice", {"default": Role.MEMBER, "lab": Role.MEMBER})
        await running.add_account("bob", {"default": Role.MEMBER, "lab": Role.ADMIN})
        await running.add_account("mallory", {"team-a": Role.MEMBER})
        await running.add_account("stranger", {})
        yield running


async def ask(yard: Gateway, path: str, name: str, **params: Any) -> Any:
    answer = await yard.call("POST", f"{PATH}/{path}", name, data=params)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def result(yard: Gateway, name: str, query: str, **params: Any) -> list[dict[str, Any]]:
    data = await ask(yard, "query", name, query=query, **params)
    found: list[dict[str, Any]] = data["result"]
    return found


async def values(yard: Gateway, name: str, label: str, **params: Any) -> set[str]:
    answer = await yard.call("GET", f"{PATH}/label/{label}/values", name, params=params)
    assert answer.status_code == 200, answer.text
    return set(answer.json()["data"])


def ids(found: list[dict[str, Any]]) -> set[str]:
    return {one["metric"]["job_id"] for one in found}


@pytest.mark.parametrize("name", SEEN)
@pytest.mark.parametrize(
    "query",
    [
        MEMORY,
        f"{MEMORY} @ end()",
        f"rate({CPU}[1h])",
        f"max_over_time({MEMORY}[1h])",
        f"max_over_time(({MEMORY} > 0)[1h:1s])",
        f"timestamp({MEMORY})",
        f"sum by (job_id) ({MEMORY})",
        f"-{MEMORY} or {MEMORY}",
        f'label_replace({MEMORY}, "owner", "me", "owner", ".*")',
        f"{MEMORY} * on (job_id) group_left (owner) {MEMORY}",
        f"topk(100, {MEMORY})",
    ],
)
async def test_everybody_reads_the_jobs_that_they_may_see_each_once(yard: Gateway, name: str, query: str) -> None:
    found = await result(yard, name, query)
    assert ids(found) == {job.id for job in SEEN[name]}
    assert len(found) == len(SEEN[name])


@pytest.mark.parametrize("name", SEEN)
async def test_sums_are_of_what_may_be_seen(yard: Gateway, name: str) -> None:
    found = await result(yard, name, f"sum(max_over_time({MEMORY}[1h]))")
    assert sum(float(one["value"][1]) for one in found) == sum(job.level for job in SEEN[name])
    found = await result(yard, name, f"count({MEMORY})")
    assert sum(float(one["value"][1]) for one in found) == len(SEEN[name])


@pytest.mark.parametrize("name", ["alice", "mallory"])
async def test_the_time_of_a_sample_stays_that_of_the_sample(
    yard: Gateway, prometheus: PrometheusServer, name: str
) -> None:
    sampled = float(prometheus.query(f"max(timestamp({MEMORY}))")[0]["value"][1])
    found = await result(yard, name, f"timestamp({MEMORY}) - time()", time=f"{sampled + 0.05:.3f}")
    assert len(found) == len(SEEN[name])
    assert all(float(one["value"][1]) < 0 for one in found)


async def test_nothing_is_absent_that_may_be_seen_and_nothing_else_is_there(yard: Gateway) -> None:
    for name, jobs in SEEN.items():
        for job in JOBS:
            for query in (
                f"absent({MEMORY}{{job_id='{job.id}'}})",
                f"absent_over_time({MEMORY}{{job_id='{job.id}'}}[1h])",
            ):
                assert bool(await result(yard, name, query)) == (job not in jobs), (name, job, query)


@pytest.mark.parametrize("query", HONEST + NARROWER + STRANGE_TEXT)
async def test_no_query_tells_of_a_job_that_may_not_be_seen(yard: Gateway, query: str) -> None:
    for name in ("alice", "mallory", "stranger"):
        answer = await yard.call("POST", f"{PATH}/query", name, data={"query": query})
        hidden = [job.id for job in JOBS if job not in SEEN[name]]
        hidden += [] if name == "mallory" else ["mallory"]
        assert not [word for word in hidden if word in answer.text.replace(query, "")], answer.text
        said = answer.json()
        assert answer.status_code in ({200, 422} if name != "stranger" else {200, 403, 422}), said
        assert "parse error" not in said.get("error", ""), said


async def test_ranges_hold_the_same_jobs(yard: Gateway, prometheus: PrometheusServer) -> None:
    at = prometheus.query(f"max(timestamp({MEMORY}))")[0]["value"][1]
    said = {"query": f"rate({CPU}[1h])", "start": float(at) - 60, "end": at, "step": "1s"}
    for name, jobs in SEEN.items():
        found = (await ask(yard, "query_range", name, **said))["result"]
        assert ids(found) == {job.id for job in jobs}


async def test_lists_hold_the_same_jobs_and_no_label_of_others(yard: Gateway) -> None:
    for name, jobs in SEEN.items():
        everything: dict[str, Any] = {"match[]": ['{__name__=~".+"}', '{job_id=~".+"}', '{owner="mallory"}']}
        series = await ask(yard, "series", name, **everything)
        assert {one["job_id"] for one in series} == {job.id for job in jobs}
        assert {one["__name__"] for one in series} == (set(JOB_METRICS) if jobs else set())
        for said in ({}, everything, {"match[]": CPU}):
            assert await values(yard, name, "job_id", **said) == {job.id for job in jobs}
            assert await values(yard, name, "owner", **said) == {job.owner for job in jobs}
            assert await values(yard, name, "__name__", **said) <= set(JOB_METRICS)
        labels = await ask(yard, "labels", name)
        assert set(labels) <= {
            "__name__",
            "device",
            "instance",
            "job",
            "job_id",
            "name",
            "owner",
            "rank",
            "scope",
            "vc",
        }


async def test_figures_of_virtual_clusters_are_for_their_members(yard: Gateway) -> None:
    for name, vcs in (("alice", {"default", "lab"}), ("mallory", set())):
        found = await result(yard, name, "sum by (vc) (jobyard_queue_jobs)")
        assert {one["metric"]["vc"] for one in found} == vcs
    answer = await yard.call("GET", f"{PATH}/query", "stranger", params={"query": "jobyard_queue_jobs"})
    assert answer.status_code == 403


async def test_an_administrator_reads_everything(yard: Gateway) -> None:
    assert ids(await result(yard, "admin", MEMORY)) == {job.id for job in JOBS}
    assert await result(yard, "admin", "up == 1")
    assert {"up", CPU} <= await values(yard, "admin", "__name__")


async def test_grafana_finds_what_it_looks_for_at_first(yard: Gateway) -> None:
    assert (await ask(yard, "query", "alice", query="1+1"))["result"][1] == "2"
    build = await yard.call("GET", f"{PATH}/status/buildinfo", "alice")
    assert build.json()["data"]["version"]
    assert CPU in (await yard.call("GET", f"{PATH}/metadata", "alice")).json()["data"]


async def test_what_prometheus_cannot_answer_is_said(yard: Gateway) -> None:
    for query in (f"double_exponential_smoothing({CPU}[1h], 2, 2)", f'{CPU}{{rank=~"("}}'):
        answer = await yard.call("GET", f"{PATH}/query", "alice", params={"query": query})
        assert (answer.status_code, answer.json()["status"]) == (422, "error")
