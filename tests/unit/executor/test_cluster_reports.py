"""A cluster's nodes as they are told of: what comes and goes while that is done harms nobody."""

from datetime import UTC, datetime
from typing import Any

from services.executor.backends.kubernetes.api import Api
from services.executor.backends.kubernetes.layout import Layout
from services.executor.backends.kubernetes.nodes import ClusterNodes
from services.executor.backends.kubernetes.pods import Pods
from services.executor.backends.kubernetes.reports import ClusterReports
from services.executor.domain import pod_names as names
from services.executor.domain.admission import Usage, admit, claims_of
from services.executor.domain.cluster_nodes import Kind
from shared.contracts.job import CPU, Share

NOW = datetime(2026, 11, 23, 23, 12, 50, tzinfo=UTC)
FENCE = Layout(executor="cluster").fence
LONG = f"{'x' * 60}.lab"


def node(name: str, uid: str = "", boot: str = "b-1") -> dict[str, Any]:
    return {
        "metadata": {"uid": uid or f"uid-{name}", "name": name},
        "status": {
            "allocatable": {"cpu": "8", "memory": "64Gi"},
            "conditions": [{"type": "Ready", "status": "True"}],
            "nodeInfo": {"bootID": boot},
        },
    }


def pod(uid: str, node: str, cpu: str, **labels: str) -> dict[str, Any]:
    containers = [{"resources": {"requests": {"cpu": cpu}}}]
    meta = {"uid": uid, "name": uid, "namespace": "default", "labels": labels}
    return {"metadata": meta, "spec": {"nodeName": node, "containers": containers}}


def cluster(*known: dict[str, Any], **labels: str) -> ClusterNodes:
    found = ClusterNodes(Api(None), FENCE.executor, {}, (), labels)
    for document in known:
        found.nodes.take(document)
    return found


def test_a_node_that_goes_while_reports_are_told_is_told_as_it_was() -> None:
    nodes = cluster(node("a"), node("b"))
    told = []
    for report in ClusterReports("cluster", nodes).reports(NOW, NOW):
        told.append(report.node)
        nodes.nodes.drop(node("b"))
    assert told == ["a", "b"]
    assert [report.node for report in ClusterReports("cluster", nodes).reports(NOW, NOW)] == ["a"]
    assert nodes.get("b") is None


def test_a_node_with_points_in_its_name_is_one_word_of_a_subject() -> None:
    nodes = cluster(node("ip-10-0-0-1.ec2.internal"))
    (report,) = ClusterReports("cluster", nodes).reports(NOW, NOW)
    assert report.node == "ip-10-0-0-1_ec2_internal"
    assert names.node_name(report.node) == "ip-10-0-0-1.ec2.internal"
    assert nodes[report.node].cpus == 8.0


def test_a_node_whose_name_is_too_long_for_the_platform_is_left_out_and_the_others_are_not() -> None:
    nodes = cluster(node(LONG), node("b"))
    assert [report.node for report in ClusterReports("cluster", nodes).reports(NOW, NOW)] == ["b"]
    nodes.nodes.drop(node(LONG))
    nodes.nodes.end({"uid-b"})
    assert list(nodes) == ["b"]


def test_a_node_that_came_back_under_its_name_is_not_taken_for_the_one_that_went() -> None:
    nodes = cluster(node("a"), node("a", "uid-2", "b-2"))
    nodes.nodes.drop(node("a"))
    (report,) = ClusterReports("cluster", nodes).reports(NOW, NOW)
    assert report.boot_id == "b-2"


def test_a_node_that_loses_the_label_gets_no_more_runs_and_answers_for_those_that_it_has() -> None:
    given = node("a")
    given["metadata"]["labels"] = {"pool": "gpu", "zone": "1"}
    nodes = cluster(given, node("b"), pool="gpu")
    assert [report.node for report in ClusterReports("cluster", nodes).reports(NOW, NOW)] == list(nodes) == ["a"]
    assert (len(nodes), nodes["a"].cpus, nodes.get("b"), nodes.answers("b")) == (1, 8.0, None, True)
    nodes.nodes.take(node("a"))
    assert ClusterReports("cluster", nodes).reports(NOW, NOW) == []
    assert (list(nodes), nodes.get("a"), nodes.answers("a")) == ([], None, True)
    nodes.nodes.drop(node("a"))
    assert not nodes.answers("a")


def test_what_others_hold_counts_for_their_node_alone_and_until_they_go() -> None:
    nodes = cluster(node("a"), node("b"))
    for other in (pod("1", "a", "1"), pod("2", "a", "2"), pod("3", "b", "4")):
        nodes.holders.take(other)
    assert (nodes["a"].cpus, nodes["b"].cpus) == (5.0, 4.0)
    nodes.holders.drop(pod("2", "a", "2"))
    nodes.holders.end({"1"})
    assert (nodes["a"].cpus, nodes["b"].cpus) == (7.0, 8.0)


def test_so_many_runs_are_let_in_as_the_node_has_pods_for_and_the_scheduler_is_told_how_many_that_are() -> None:
    large = node("a")
    large["status"]["allocatable"] |= {"cpu": "96", "pods": "110"}
    nodes = cluster(large, node("b"))
    for number in range(10):
        nodes.holders.take(pod(f"other-{number}", "a", "0.1"))
    usage = Usage()
    refused = [admit(claims_of(CPU, [Share(node="a")], 0.25, 0), nodes, usage) for _ in range(101)]
    assert refused[:100] == [None] * 100
    assert refused[100] is not None and (refused[100].code, refused[100].details) == ("pods_busy", {"pods": 100})
    bounded, other = ClusterReports("cluster", nodes).reports(NOW, NOW)
    assert (bounded.pods, other.pods) == (100, None)
    assert bounded.whole is not None and bounded.whole.pods == 110


def test_a_pod_that_only_bears_the_executors_label_counts_as_somebody_elses_until_it_is_over() -> None:
    nodes = cluster(node("a"))
    pods = Pods(Api(None), FENCE, nodes.strangers, lambda run_id: None, lambda run_id: None)
    labelled = pod("1", "a", "3", **{names.EXECUTOR: names.short_hash("cluster")})
    pods.take(labelled)
    assert nodes["a"].cpus == 5.0
    pods.take(labelled | {"status": {"phase": "Succeeded"}})
    assert nodes["a"].cpus == 8.0


def test_a_node_whose_taint_is_named_like_a_resource_is_told_to_be_for_its_devices() -> None:
    nodes = ClusterNodes(Api(None), FENCE.executor, {"v100": Kind("nvidia.com/gpu")}, (), {})
    tainted = node("a") | {"spec": {"taints": [{"key": "nvidia.com/gpu", "effect": "NoSchedule"}]}}
    tainted["status"]["allocatable"]["nvidia.com/gpu"] = "8"
    for document in (tainted, node("b")):
        nodes.nodes.take(document)
    told = {report.node: report for report in ClusterReports("cluster", nodes).reports(NOW, NOW)}
    assert {name: report.devices_only for name, report in told.items()} == {"a": True, "b": False}
    assert (told["a"].devices, told["a"].cpus, told["a"].whole) == ({"v100": 8}, 8.0, None)


def test_a_node_that_is_closed_says_why_and_what_it_has() -> None:
    nodes = ClusterNodes(Api(None), FENCE.executor, {"v100": Kind("nvidia.com/gpu")}, (), {})
    cordoned = node("a") | {"spec": {"unschedulable": True}}
    cordoned["status"]["allocatable"]["nvidia.com/gpu"] = "8"
    for document in (cordoned, node("b")):
        nodes.nodes.take(document)
    closed, open_ = ClusterReports("cluster", nodes).reports(NOW, NOW)
    assert (closed.devices, closed.cpus) == ({}, 0.0)
    assert closed.whole is not None and closed.whole.devices == {"v100": 8}
    assert closed.closed is not None and closed.closed.code == "node_cordoned"
    assert open_.closed is None
