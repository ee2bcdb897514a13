"""What nodes of a cluster have for runs: what is allocatable, less what others hold; nothing where none may come."""

from typing import Any

import pytest

from services.executor.domain.cluster_nodes import Kind, capacity, node_facts, quantity, requests

V100 = {"v100": Kind("nvidia.com/gpu", {"nvidia.com/gpu.product": "Tesla-V100"})}


def node(ready: str = "True", taints: tuple[dict[str, str], ...] = (), **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"uid": "n-7", "name": "gpu-7.lab", "labels": {"nvidia.com/gpu.product": "Tesla-V100"}},
        "spec": {"taints": list(taints), **spec},
        "status": {
            "allocatable": {"cpu": "31500m", "memory": "64Gi", "nvidia.com/gpu": "8"},
            "conditions": [{"type": "Ready", "status": ready}],
            "nodeInfo": {"bootID": "b-1"},
        },
    }


@pytest.mark.parametrize(
    ("text", "amount"),
    [("2", 2), ("1500m", 1.5), ("64Gi", 64 * 2**30), ("1e3", 1000), ("5M", 5e6), ("7k", 7000), ("9u", 9e-6), ("0", 0)],
)
def test_amounts_are_read_as_kubernetes_writes_them(text: str, amount: float) -> None:
    assert quantity(text) == amount


def test_a_node_has_what_is_allocatable_and_not_held_by_others() -> None:
    other = {"cpu": 1.5, "memory": 2.0 * 2**30, "nvidia.com/gpu": 3.0}
    has = capacity(node_facts(node()), [other], V100)
    assert (has.cpus, has.memory_mib, dict(has.devices)) == (30.0, 62 * 1024, {"v100": 5})


def test_every_pod_of_others_is_one_of_those_that_the_node_may_hold_also_one_that_asks_for_nothing() -> None:
    document = node()
    assert capacity(node_facts(document), [{}, {"cpu": 1.0}], V100).pods is None, "it does not say how many it takes"
    document["status"]["allocatable"]["pods"] = "110"
    assert capacity(node_facts(document), [{}, {"cpu": 1.0}], V100).pods == 108
    assert capacity(node_facts(document), [{}] * 200, V100).pods == 0


def test_devices_of_a_type_are_only_on_nodes_that_bear_its_labels() -> None:
    a100 = {"a100": Kind("nvidia.com/gpu", {"nvidia.com/gpu.product": "A100"})}
    assert dict(capacity(node_facts(node()), [], a100).devices) == {}


@pytest.mark.parametrize(
    "document",
    [
        node(ready="Unknown"),
        node(unschedulable=True),
        node(taints=({"key": "maintenance", "effect": "NoExecute"},)),
        node(taints=({"key": "gpu", "value": "lab", "effect": "NoSchedule"},)),
    ],
)
def test_a_node_that_takes_no_pods_has_nothing_to_give_out(document: dict[str, Any]) -> None:
    has = capacity(node_facts(document), [], V100)
    assert (has.cpus, has.memory_mib, dict(has.devices), has.pods) == (0.0, 0, {}, 0)


@pytest.mark.parametrize(
    ("toleration", "opens"),
    [
        ({"key": "gpu", "operator": "Equal", "value": "lab", "effect": "NoSchedule"}, True),
        ({"key": "gpu", "operator": "Exists"}, True),
        ({"operator": "Exists"}, True),
        ({"key": "gpu", "value": "other"}, False),
        ({"key": "gpu", "operator": "Exists", "effect": "NoExecute"}, False),
    ],
)
def test_a_taint_that_the_pods_tolerate_keeps_nobody_out(toleration: dict[str, str], opens: bool) -> None:
    tainted = node(taints=({"key": "gpu", "value": "lab", "effect": "NoSchedule"},))
    assert node_facts(tainted, [toleration]).takes(None) is opens


GPU_POOL = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}


def test_a_taint_named_like_a_resource_keeps_out_all_but_runs_that_ask_for_it() -> None:
    facts = node_facts(node(taints=(GPU_POOL,)))
    assert facts.takes("nvidia.com/gpu")
    assert not facts.takes("huawei.com/Ascend910")
    assert not facts.takes(None)
    assert facts.only_with(V100.values())
    assert dict(capacity(facts, [], V100).devices) == {"v100": 8}
    npus = {"ascend910": Kind("huawei.com/Ascend910")}
    assert not facts.only_with(npus.values())
    assert capacity(facts, [], npus).cpus == 0, "to these it is a taint like any other"


@pytest.mark.parametrize("more", [{"key": "maintenance", "effect": "NoExecute"}, GPU_POOL | {"effect": "NoExecute"}])
def test_another_taint_beside_it_closes_the_node(more: dict[str, str]) -> None:
    facts = node_facts(node(taints=(GPU_POOL, more)))
    assert capacity(facts, [], V100).cpus == 0
    assert facts.only_with(V100.values())


def container(cpu: str, **more: Any) -> dict[str, Any]:
    return {"resources": {"requests": {"cpu": cpu}}, **more}


SIDECAR = {"restartPolicy": "Always"}


@pytest.mark.parametrize(
    ("spec", "cpu"),
    [
        ({"containers": [container("1"), container("500m")]}, 1.5),
        ({"containers": [container("1"), container("500m")], "initContainers": [container("2")]}, 2.0),
        ({"containers": [container("1")], "initContainers": [container("1", **SIDECAR)]}, 2.0),
        ({"containers": [container("1")], "initContainers": [container("1", **SIDECAR), container("3")]}, 4.0),
        ({"containers": [container("1")], "initContainers": [container("3"), container("1", **SIDECAR)]}, 3.0),
        ({"containers": [container("1")], "overhead": {"cpu": "250m"}}, 1.25),
        ({"containers": [container("1")], "resources": {"requests": {"cpu": "3"}}, "overhead": {"cpu": "1"}}, 4.0),
    ],
)
def test_a_pod_holds_what_kubernetes_counts_for_it(spec: dict[str, Any], cpu: float) -> None:
    assert requests({"spec": spec}) == {"cpu": cpu}


def test_a_pod_that_asks_for_nothing_holds_nothing() -> None:
    assert requests({"spec": {"containers": [{}]}}) == {}
