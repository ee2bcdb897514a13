"""Runs on several real nodes, and nodes that are drained, that fall silent, and that are taken away under their runs.

The last test loses the second node for good.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.executor.backends.frames import STDOUT
from services.executor.backends.kubernetes.outputs import INCOMPLETE
from services.executor.backends.kubernetes.reports import ClusterReports
from services.executor.domain import pod_names as names
from services.executor.domain.observation import Ended, Lost, Started
from services.executor.domain.record import rank_id
from shared.ids import new_id
from tests.support.benches import opened_in_cluster
from tests.support.kubernetes.bench import KubernetesBench
from tests.support.kubernetes.cluster import second
from tests.support.kubernetes.node import Node
from tests.support.waiting import until

SOON = tuple(
    {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 1}
    for key in ("not-ready", "unreachable")
)


@pytest.fixture
def node() -> Node:
    return second()


@pytest.fixture
async def impatient(tmp_path: Path) -> AsyncIterator[KubernetesBench]:
    """Its pods tolerate a node that does not answer for a second, and their logs are not asked for long."""
    (tmp_path / "impatient").mkdir()
    async with opened_in_cluster(tmp_path / "impatient", patience_s=3, tolerations=SOON) as bench:
        yield bench


async def runs_on(bench: KubernetesBench, node: Node, script: str = "", later: str = "") -> str:
    """A run there that has begun with this script and then waits, before it goes on with `later`."""
    await until(lambda: bench.nodes[node.name].cpus > 0, "the node takes runs")
    order = bench.order(f"{script}\necho begun >> begun-$JOBYARD_RUN_ID\n{bench.WAIT_FOR_GO}\n{later}")
    await bench.backend.launch([replace(order, node=node.name)])
    await bench.reaches(order.run_id, Started)
    await until(lambda: bench.lines(f"begun-{order.run_id}"), "the script has begun")
    return order.run_id


def written(bench: KubernetesBench, run_id: str) -> bytes:
    """What has come of its output by now."""
    return bench.everything(run_id) if run_id in bench.wrote else b""


def reported(bench: KubernetesBench) -> list[str]:
    """The nodes of which the platform is told."""
    now = datetime.now(UTC)
    return [report.node for report in ClusterReports("test", bench.nodes).reports(now, now)]


def closed(bench: KubernetesBench, node: Node) -> str | None:
    """Why the node is closed, as the platform is told."""
    now = datetime.now(UTC)
    reports = {report.node: report for report in ClusterReports("test", bench.nodes).reports(now, now)}
    reason = reports[names.node_token(node.name)].closed
    return reason.code if reason is not None else None


async def test_two_ranks_on_two_nodes_exchange_bytes_at_the_address_that_both_are_told(
    bench: KubernetesBench, node: Node
) -> None:
    serve = (
        "import socket; s=socket.create_server(('',29500)); c,_=s.accept()\n"
        "print(c.recv(99).decode()); c.sendall(b'weights of rank 0'); c.close()"
    )
    join = (
        "import socket,os,time\n"
        "while True:\n"
        "    try: c=socket.create_connection((os.environ['MASTER_ADDR'],29500)); break\n"
        "    except OSError: time.sleep(0.1)\n"
        "c.sendall(b'gradients of rank 1'); print(c.recv(99).decode()); c.close()"
    )
    run, orders = f"{new_id()}.1", []
    for rank, (program, place) in enumerate(((serve, "node-1"), (join, node.name))):
        order = bench.order(("/usr/bin/env", "python3", "-c", program), rank_id(run, rank))
        env = order.env | {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
        orders.append(replace(order, ranks=2, env=env, node=place))
    await bench.backend.launch(orders)
    codes = [(await bench.ended(order.run_id)).exit_code for order in orders]
    assert codes == [0, 0]
    assert [bench.output(order.run_id)[STDOUT] for order in orders] == [
        b"gradients of rank 1\n",
        b"weights of rank 0\n",
    ]
    places = [(await bench.api.get(bench.pod(order.run_id)))["spec"]["nodeName"] for order in orders]
    assert places == ["node-1", node.name]


async def test_a_log_whose_connection_breaks_is_followed_on_while_the_run_lives(
    bench: KubernetesBench, node: Node
) -> None:
    later = "seq 3001 6000; while [ ! -e end ]; do sleep 0.05; done"
    id = await runs_on(bench, node, "seq 3000", later)
    await until(lambda: written(bench, id).endswith(b"\n3000\n"), "the first lines are there")
    node.kubelet.kill()
    node.kubelet.start()
    bench.go()
    await until(lambda: written(bench, id).endswith(b"\n6000\n"), "the later lines are there while it runs")
    assert isinstance(await bench.seen(id), Started)
    bench.touch("end")
    assert (await bench.ended(id)).exit_code == 0
    assert bench.everything(id).decode().split() == [str(number) for number in range(1, 6001)]


async def test_a_node_that_is_drained_lets_its_run_save_and_the_run_is_lost_in_words(
    bench: KubernetesBench, node: Node
) -> None:
    id = await runs_on(bench, node, "trap 'echo saved; exit 0' TERM")
    await bench.api.patch(f"/api/v1/nodes/{node.name}", {"spec": {"unschedulable": True}})
    pod = {"name": names.pod_name(id), "namespace": bench.namespace}
    await bench.api.create(
        f"{bench.pod(id)}/eviction", {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": pod}
    )
    seen = await bench.reaches(id, Lost)
    assert closed(bench, node) == "node_cordoned"
    await bench.api.patch(f"/api/v1/nodes/{node.name}", {"spec": {"unschedulable": None}})
    await until(lambda: closed(bench, node) is None, "it is open again")
    assert seen.reason.code == "disrupted"
    assert "Evict" in seen.reason.message
    assert bench.output(id)[STDOUT] == b"saved\n"


async def test_a_node_that_is_closed_to_its_runs_ends_them_before_they_are_lost(
    bench: KubernetesBench, node: Node
) -> None:
    id = await runs_on(bench, node, "trap 'sleep 2; echo saved; exit 0' TERM")
    taint = {"key": "maintenance", "effect": "NoExecute"}
    await bench.api.patch(f"/api/v1/nodes/{node.name}", {"spec": {"taints": [taint]}})
    seen = await bench.reaches(id, Lost)
    assert closed(bench, node) == "node_tainted"
    await bench.api.patch(f"/api/v1/nodes/{node.name}", {"spec": {"taints": None}})
    assert seen.reason.code == "node_closed"
    assert bench.output(id)[STDOUT] == b"saved\n", "its whole grace period has gone by"


async def test_an_end_is_told_although_its_node_does_not_give_the_log_any_more(
    impatient: KubernetesBench, node: Node
) -> None:
    id = await runs_on(impatient, node, "echo line", "echo unheard; exit 4")
    await until(lambda: written(impatient, id) == b"line\n", "its line has come")
    await impatient.close()
    impatient.go()

    async def is_over() -> bool:
        return bool((await impatient.api.get(impatient.pod(id)))["status"]["phase"] == "Failed")

    await until(is_over, "the cluster knows of its end")
    node.kubelet.kill()
    await impatient.open()
    ended = await impatient.ended(id)
    node.kubelet.start()
    assert (ended.exit_code, ended.stopped) == (4, False)
    assert impatient.everything(id).decode() == f"line\n{INCOMPLETE}\n"
    assert ended.output_bytes == impatient.backend.output(id).stat().st_size


async def test_a_run_whose_node_was_restarted_under_it_is_lost_whatever_code_the_node_makes_up_for_it(
    bench: KubernetesBench, node: Node
) -> None:
    id = await runs_on(bench, node, "echo before")
    node.restart()
    seen = await bench.reaches(id, Lost)
    assert seen.reason.code == "result_unknown"
    assert bench.output(id)[STDOUT].startswith(b"before\n")


async def test_runs_of_a_node_that_does_not_answer_are_lost_when_the_cluster_gives_them_up_and_not_before(
    bench: KubernetesBench, impatient: KubernetesBench, node: Node
) -> None:
    lost_soon, told_to_stop = await runs_on(impatient, node, "echo line"), await runs_on(impatient, node)
    waited_for = await runs_on(bench, node)
    await until(lambda: b"line\n" in written(impatient, lost_soon), "its line has come")
    node.lose()
    await impatient.backend.stop(told_to_stop)

    seen = await impatient.reaches(lost_soon, Lost)
    assert seen.reason.code == "node_lost"
    assert node.name in seen.reason.message
    assert impatient.everything(lost_soon).decode() == f"line\n{INCOMPLETE}\n"
    assert isinstance(await impatient.seen(told_to_stop), Started), "nobody knows whether it has stopped"
    assert isinstance(await bench.seen(waited_for), Started), "its pod tolerates this for longer"
    await until(lambda: node.name not in reported(bench), "nothing is reported of it any more")

    await bench.api.delete(f"/api/v1/nodes/{node.name}", {})
    seen = await bench.reaches(waited_for, Lost)
    assert (seen.reason.code, node.name in seen.reason.message) == ("node_gone", True)
    assert not isinstance(await impatient.reaches(told_to_stop, Lost, Ended), Ended)
