"""The yard over HTTP: who reads which names, one question for a crowd, and what is refused with which sentence."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from services.gateway.cluster import ANSWER_VALUES
from services.gateway.domain.access import Role
from services.gateway.fresh import FRESH_S
from shared.contracts.cluster import (
    AskCluster,
    ClusterNode,
    ClusterPage,
    HeldDevice,
    HistoryPage,
    HistorySeries,
    Holder,
    NodeDevices,
    Open,
    QueryHistory,
    Waiting,
)
from shared.contracts.commands.cluster import CLUSTER, HISTORY
from shared.contracts.errors import Unavailable
from shared.contracts.job import Reason
from tests.support.gateway import START, Gateway
from tests.support.yard import job_id

HOLDERS = (
    Holder(id=job_id(1), name="mine", owner="ada", vc="default"),
    Holder(id=job_id(2), name="secret-plan", owner="bob", vc="lab"),
    Holder(id=job_id(3), name="left-behind", owner="ada", vc="lab"),
)
NODES = (
    ClusterNode(
        node="a",
        silent=False,
        since=START,
        cpus=8,
        cpus_held=3,
        memory_mib=100,
        memory_held_mib=50,
        devices=(
            NodeDevices(
                device_type="v100",
                total=4,
                resting=1,
                simulated=True,
                held=tuple(HeldDevice(index=index, job_id=job_id(index + 1)) for index in range(2)),
            ),
        ),
    ),
    ClusterNode(
        node="b",
        silent=True,
        cpus=8,
        memory_mib=100,
        devices=(NodeDevices(device_type="v100", total=2, held=(HeldDevice(index=1, job_id=job_id(3)),)),),
    ),
)
QUEUE = (
    Waiting(vc="default", device_type="v100", code="waiting_for_devices", jobs=1, devices=4),
    Waiting(vc="lab", device_type="v100", code="waiting_for_devices", jobs=2, devices=2),
    Waiting(vc="attic", device_type="v100", code="waiting_for_devices", jobs=1, devices=8),
)
OPEN = (
    Open(vc="default", waiting=1, running=1),
    Open(vc="lab", waiting=2, running=2),
    Open(vc="attic", waiting=1, running=0),
)
NOBODY = {"job_id": None, "name": None, "owner": None, "vc": None}


@pytest.fixture
async def cluster(yard: Gateway) -> Gateway:
    """A scheduler in memory, which tells of one node a page; ada is in `default`, bob in `lab`, eve nowhere."""

    def answer(ask: AskCluster) -> ClusterPage:
        names = [node.node for node in NODES]
        begin = names.index(ask.after) + 1 if ask.after else 0
        found = ClusterPage(nodes=NODES[begin : begin + 1], holders=HOLDERS, more=begin + 1 < len(NODES))
        return found.model_copy(update={"waiting": 4, "queue": QUEUE, "open": OPEN}) if not begin else found

    yard.bus.answers[CLUSTER.subject] = answer
    await yard.add_account("ada")
    await yard.add_account("bob", {"lab": Role.MEMBER})
    await yard.add_account("eve", {})
    return yard


async def seen(yard: Gateway, name: str) -> dict[str, Any]:
    answer = await yard.call("GET", "/cluster", name)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def slots(found: dict[str, Any]) -> list[Any]:
    held = [slot for node in found["nodes"] for devices in node["devices"] for slot in devices["slots"]]
    return [slot and slot["name"] for slot in held]


async def test_a_member_reads_the_names_of_jobs_of_the_own_virtual_clusters_and_of_the_own_jobs(
    cluster: Gateway,
) -> None:
    found = await seen(cluster, "ada")
    assert slots(found) == ["mine", None, None, None, None, "left-behind"]
    assert found["nodes"][0]["devices"][0]["slots"][:3] == [
        {"job_id": job_id(1), "name": "mine", "owner": "ada", "vc": "default"},
        NOBODY,
        None,
    ]
    assert "secret-plan" not in str(found)
    assert job_id(2) not in str(found)
    assert [vc["name"] for vc in found["vcs"]] == ["default"]


async def test_somebody_of_another_virtual_cluster_reads_other_names(cluster: Gateway) -> None:
    assert slots(await seen(cluster, "bob")) == [None, "secret-plan", None, None, None, "left-behind"]


async def test_who_belongs_nowhere_reads_sums_and_no_name(cluster: Gateway) -> None:
    found = await seen(cluster, "eve")
    assert [slot for node in found["nodes"] for slot in node["devices"][0]["slots"]] == [
        NOBODY, NOBODY, None, None, None, NOBODY
    ]  # fmt: skip
    assert found["vcs"] == []
    assert found["totals"]["devices"][0]["used"] == 3
    assert found["queue"]["by_reason"] == [
        {"code": "waiting_for_devices", "device_type": "v100", "vc": None, "waiting": 4, "devices": 14}
    ]


async def test_an_administrator_reads_everything(cluster: Gateway) -> None:
    await cluster.call("POST", "/vcs", json={"name": "lab"})
    found = await seen(cluster, "admin")
    assert slots(found) == ["mine", "secret-plan", None, None, None, "left-behind"]
    assert [(row["vc"], row["waiting"]) for row in found["queue"]["by_reason"]] == [
        ("lab", 2),
        ("attic", 1),
        ("default", 1),
    ]
    used = {vc["name"]: (vc["used"], vc["waiting"], vc["running"]) for vc in found["vcs"]}
    assert used == {"default": ({"v100": 1}, 1, 1), "lab": ({"v100": 2}, 2, 2)}


async def test_a_node_that_is_closed_shows_what_is_held_there_has_nothing_free_and_says_why(cluster: Gateway) -> None:
    why = Reason(code="node_cordoned", message="It is cordoned.")
    closed = ClusterPage(nodes=(NODES[0].model_copy(update={"closed": why}),), holders=HOLDERS)
    cluster.bus.answers[CLUSTER.subject] = lambda ask: closed
    found = await seen(cluster, "ada")
    (node,) = found["nodes"]
    assert (node["state"], node["closed"]["message"], node["devices"][0]["used"]) == ("ready", "It is cordoned.", 2)
    assert slots(found) == ["mine", None, None, None]
    assert (found["totals"]["closed_nodes"], found["totals"]["devices"][0]["free"]) == (1, 0)


async def test_sums_are_made_of_the_nodes_that_are_shown(cluster: Gateway) -> None:
    found = await seen(cluster, "ada")
    assert found["totals"] == {
        "nodes": 2,
        "silent_nodes": 1,
        "closed_nodes": 0,
        "devices": [{"device_type": "v100", "total": 6, "used": 3, "free": 1, "simulated": 4}],
    }
    assert found["queue"]["waiting"] == 4
    assert [(node["name"], node["state"], node["since"] is None) for node in found["nodes"]] == [
        ("a", "ready", False),
        ("b", "silent", True),
    ]


async def test_a_crowd_costs_the_scheduler_one_question_a_second(cluster: Gateway) -> None:
    def asked() -> int:
        return sum(isinstance(ask, AskCluster) and ask.after is None for ask in cluster.bus.asked)

    await asyncio.gather(*(seen(cluster, name) for name in ("ada", "bob", "eve", "admin") * 5))
    assert asked() == 1
    cluster.clock.passed += FRESH_S
    await seen(cluster, "ada")
    assert asked() == 2


async def test_without_a_scheduler_a_sentence_says_so_and_afterwards_the_yard_is_there(cluster: Gateway) -> None:
    there = cluster.bus.answers.pop(CLUSTER.subject)
    answers = await asyncio.gather(*(cluster.call("GET", "/cluster", name) for name in ("ada", "bob")))
    for answer in answers:
        assert answer.status_code == 503
        assert answer.json()["detail"] == "The scheduler service does not answer. Try again in a moment."
    cluster.bus.answers[CLUSTER.subject] = there
    assert slots(await seen(cluster, "ada"))[0] == "mine"


async def test_a_scheduler_that_reads_the_yard_still_is_not_taken_for_an_empty_one(cluster: Gateway) -> None:
    def not_yet(ask: AskCluster) -> ClusterPage:
        raise Unavailable("The scheduler has just started and does not know the whole yard yet. Ask again.")

    cluster.bus.answers[CLUSTER.subject] = not_yet
    answer = await cluster.call("GET", "/cluster", "ada")
    assert (answer.status_code, "just started" in answer.json()["detail"]) == (503, True)


@pytest.mark.parametrize("path", ["/cluster", "/cluster/history", "/submit-options"])
async def test_nobody_reads_it_without_a_token_and_nobody_writes_it(cluster: Gateway, path: str) -> None:
    assert (await cluster.http.get(f"/api/v1{path}")).status_code == 401
    assert (await cluster.call("POST", path, json={})).status_code == 405
    assert not cluster.bus.asked


# --- history


def line(name: str, vc: str | None = None, device_type: str | None = None, count: int = 3) -> HistorySeries:
    return HistorySeries(name=name, vc=vc, device_type=device_type, values=(1.5, None, *[2.0] * (count - 2)))


LINES = (line("waiting"), line("used", device_type="v100"), line("waiting", "default"), line("waiting", "lab"))


def one_by_one(lines: tuple[HistorySeries, ...]) -> Callable[[QueryHistory], HistoryPage]:
    return lambda ask: HistoryPage(series=lines[ask.skip : ask.skip + 1], more=ask.skip + 1 < len(lines))


def questions(yard: Gateway) -> list[QueryHistory]:
    return [ask for ask in yard.bus.asked if isinstance(ask, QueryHistory)]


async def test_the_history_is_that_of_the_yard_and_of_the_own_virtual_clusters_also_if_more_was_answered(
    cluster: Gateway,
) -> None:
    cluster.bus.answers[HISTORY.subject] = one_by_one(LINES)
    answer = await cluster.call("GET", "/cluster/history?start=-2m&step=60", "ada")
    found = answer.json()
    assert [(one["name"], one["device_type"], one["vc"]) for one in found["series"]] == [
        ("waiting", None, None),
        ("used", "v100", None),
        ("waiting", None, "default"),
    ]
    assert found["series"][0]["values"] == [1.5, None, 2.0]
    assert {ask.vcs for ask in questions(cluster)} == {("default",)}
    assert (found["start"], found["step"]) == ("2025-12-31T23:58:00.000Z", 60)


async def test_an_administrator_has_the_history_of_every_virtual_cluster(cluster: Gateway) -> None:
    cluster.bus.answers[HISTORY.subject] = one_by_one(LINES)
    found = (await cluster.call("GET", "/cluster/history")).json()
    assert len(found["series"]) == 4
    assert questions(cluster)[0].vcs is None


async def test_a_figure_that_this_gateway_does_not_know_is_left_out(cluster: Gateway) -> None:
    cluster.bus.answers[HISTORY.subject] = one_by_one((line("of_a_later_time"), line("running")))
    found = (await cluster.call("GET", "/cluster/history", "ada")).json()
    assert [one["name"] for one in found["series"]] == ["running"]


async def test_by_default_it_is_the_last_hour(cluster: Gateway) -> None:
    cluster.bus.answers[HISTORY.subject] = one_by_one(LINES)
    assert (await cluster.call("GET", "/cluster/history", "ada")).status_code == 200
    ask = questions(cluster)[0]
    assert (ask.end - ask.start).total_seconds() == 3600
    assert ask.step_s == 15


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("start=tomorrow", "start"),
        ("start=2026-01-01T00:00:00", "start"),
        ("start=NaN", "start"),
        ("start=-1h&end=-2h", "start"),
        ("start=-1h&end=-1h", "start"),
        ("start=1e309", "start"),
        ("end=1960-01-01T00:00:00Z", "end"),
        ("step=0", "step"),
        ("step=-5", "step"),
        ("step=0.5", "step"),
        ("step=Infinity", "step"),
        ("start=-7d&step=1", "step"),
        ("start=" + "1" * 41, "start"),
        ("step[$ne]=1", "step[$ne]"),
        ("vc=lab", "vc"),
    ],
)
async def test_a_time_that_is_none_is_refused_by_name_and_asked_of_nobody(
    cluster: Gateway, query: str, field: str
) -> None:
    answer = await cluster.call("GET", f"/cluster/history?{query}", "ada")
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == field
    assert not questions(cluster)


async def test_more_than_an_answer_holds_is_refused_with_what_to_do(cluster: Gateway) -> None:
    many = ANSWER_VALUES // 10_000 + 1
    lines = tuple(line("waiting", f"vc-{number}", count=10_000) for number in range(many))
    cluster.bus.answers[HISTORY.subject] = one_by_one(lines)
    answer = await cluster.call("GET", "/cluster/history")
    assert (answer.status_code, "take a longer one" in answer.json()["detail"]) == (422, True)


async def test_without_a_metrics_service_the_history_is_503_with_a_sentence(cluster: Gateway) -> None:
    answer = await cluster.call("GET", "/cluster/history", "ada")
    assert answer.status_code == 503
    assert answer.json()["detail"] == "The metrics service does not answer. Try again in a moment."
