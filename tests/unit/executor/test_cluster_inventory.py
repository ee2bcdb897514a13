"""The cluster's nodes and what others hold of them: each change counts at its own node, and nowhere once it is gone."""

from typing import Any

from services.executor.backends.kubernetes.nodes import Holders, Nodes
from services.executor.domain import pod_names as names


def pod(uid: str, where: str, cpu: str, executor: str | None = None) -> dict[str, Any]:
    spec = {"nodeName": where, "containers": [{"resources": {"requests": {"cpu": cpu}}}]}
    labels = {} if executor is None else {names.EXECUTOR: names.short_hash(executor)}
    return {"metadata": {"uid": uid, "labels": labels}, "spec": spec}


def node(name: str, uid: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": uid}}


def test_what_others_hold_counts_at_its_node_until_they_are_gone() -> None:
    holders = Holders("cluster")
    for each in (pod("1", "a", "2"), pod("2", "a", "1"), pod("3", "b", "4"), pod("4", "b", "8", executor="cluster")):
        holders.take(each)
    assert [sorted(held["cpu"] for held in holders.on(name)) for name in ("a", "b", "c")] == [[1.0, 2.0], [4.0], []]
    holders.take(pod("1", "a", "3"))
    holders.drop(pod("2", "a", "1"))
    holders.drop(pod("9", "a", "1"))
    assert [held["cpu"] for held in holders.on("a")] == [3.0]
    holders.end({"3"})
    assert (list(holders.on("a")), len(holders.on("b"))) == ([], 1)


def test_a_node_that_comes_back_under_its_name_is_there_also_when_the_former_one_is_told_gone_after_it() -> None:
    nodes = Nodes(())
    nodes.take(node("a", "first"))
    nodes.take(node("a", "second"))
    nodes.drop(node("a", "first"))
    assert nodes.named["a"] is nodes.known["second"]
    nodes.take(node("a", "third"))
    nodes.drop(node("a", "third"))
    nodes.end(set())
    assert not nodes.named and not nodes.known
