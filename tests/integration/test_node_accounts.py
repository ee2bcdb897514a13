"""Executors with a user of their own on NATS: all works, and no node gets what is another's, least of all secrets."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.tools.accounts import document
from shared.bus.bus import connect
from shared.contracts.commands.secrets import REVEAL, RevealSecrets
from shared.contracts.errors import Forbidden, Unavailable
from shared.ids import new_id
from tests.support.accounts import AccountsServer, denied
from tests.support.separate import SERVICES, SeparateServices, separate_services
from tests.support.waiting import wait_until

NODES = ("node-1", "node-2")
CANARY = "canary-of-a-node"


@pytest.fixture(scope="module")
def server() -> Iterator[AccountsServer]:
    with AccountsServer(NODES) as running:
        yield running


@pytest.fixture(scope="module")
def yard(server: AccountsServer) -> Iterator[SeparateServices]:
    with separate_services((*SERVICES, "executor-2"), nats=server) as running:
        running.call("PUT", "/me/secrets/token", 201, json={"value": CANARY})
        yield running


async def ask(server: AccountsServer, user: str, node: str, job: str, timeout: float = 60.0) -> dict[str, str]:
    """What the gateway reveals to this user, who asks in the name of a node."""
    async with connect(server.url_of(user), "test") as bus:
        return (await bus.ask(REVEAL.at(node), RevealSecrets(job_id=job, names=("token",)), timeout)).values


def test_a_job_with_secrets_runs_and_only_its_own_node_may_ask_for_them(
    yard: SeparateServices, server: AccountsServer, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    wait = f'while [ ! -e {go} ]; do sleep 0.05; done; [ "$TOKEN" = {CANARY} ]'
    job = yard.submit(wait, cpus=0.05, env={"TOKEN": {"secret": "token"}})
    yard.wait(job, "running")
    (node,) = {name for name in NODES if asyncio.run(_gets(server, name, job))}
    other = next(name for name in NODES if name != node)
    with pytest.raises(Forbidden, match=f"has no place on the node {other} now"):
        asyncio.run(ask(server, f"executor.{other}", other, job))
    with pytest.raises(Unavailable):  # it may not even say that it is the other one
        asyncio.run(ask(server, f"executor.{other}", node, job, timeout=3.0))
    go.touch()
    assert yard.wait(job)["status"] == "finished"
    with pytest.raises(Forbidden, match=f"has no place on the node {node} now"):
        asyncio.run(ask(server, f"executor.{node}", node, job))


async def _gets(server: AccountsServer, node: str, job: str) -> bool:
    try:
        return await ask(server, f"executor.{node}", node, job) == {"token": CANARY}
    except Forbidden:
        return False


def test_both_nodes_run_are_paused_and_read_and_nothing_that_they_do_is_denied(yard: SeparateServices) -> None:
    whole = yard.call("GET", "/jobs", 200)["total"]
    ids = [yard.submit("echo begun; sleep 1000", cpus=0.05, grace_period_s=0) for _ in NODES]
    for id in ids:
        yard.wait(id, "running")
        wait_until(lambda id=id: yard.lines(id) == ["begun"], "its console is there")  # type: ignore[misc]
        yard.call("POST", f"/jobs/{id}/pause")
        yard.wait(id, "paused")
        yard.call("POST", f"/jobs/{id}/kill")
        yard.wait(id, "killed")
        download = yard.http.get(f"/api/v1/jobs/{id}/logs/download", headers=yard.headers())
        assert download.text == "begun\n"
    assert yard.call("GET", "/jobs", 200)["total"] == whole + len(ids)
    assert "nats_denied" not in yard.output()


def test_a_node_reaches_nothing_of_another_node(server: AccountsServer) -> None:
    publish = [
        "cmd.gateway.reveal.v1.node-2",
        "evt.node.reported.v1.node-2",
        "$KV.NODES.node-2",
        "$JS.API.CONSUMER.CREATE.EVENTS.executor-node-2.evt.job.>",
        "$JS.API.CONSUMER.CREATE.EVENTS.other.evt.job.>",
        "$JS.API.CONSUMER.MSG.NEXT.EVENTS.executor-node-2",
        "$JS.API.CONSUMER.DELETE.EVENTS.executor-node-2",
        "$JS.ACK.EVENTS.executor-node-2.1.1.1.1.1",
        "dead.executor-node-2.evt.job.killed.v1.default.x",
        f"cmd.gateway.find_secrets.v1.{new_id()}",
    ]
    subscribe = ["_INBOX.executor.node-2.>", "_INBOX.executor.>", "cmd.executor.read_log.v1.node-2", "cmd.gateway.>"]
    refused = asyncio.run(denied(server.url_of("executor.node-1"), publish, [(one, "") for one in subscribe]))
    assert refused == {*publish, *subscribe}


@pytest.mark.parametrize("nodes", [("node-1", "node_1"), ("Node", "node"), ("a.b",), ("a b",), (">",), ("",)])
def test_names_that_cannot_be_told_apart_or_are_none_make_no_accounts(nodes: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"rename a node|match pattern"):
        document(nodes)
