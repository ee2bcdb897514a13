"""A node that its operators have closed says so in a sentence that names what keeps runs away."""

from typing import Any

import pytest

from services.executor.domain.closed_nodes import why_closed
from services.executor.domain.cluster_nodes import Kind, node_facts
from shared.contracts.job import Reason

GPUS = (Kind("nvidia.com/gpu"),)
CORDON = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
BROKEN = {"key": "fan", "value": "broken", "effect": "NoExecute"}
POOL = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}


def why(*taints: dict[str, str], tolerated: tuple[dict[str, Any], ...] = (), **spec: Any) -> Reason | None:
    status = {"conditions": [{"type": "Ready", "status": "True"}]}
    document = {"metadata": {"uid": "n", "name": "n"}, "spec": {"taints": list(taints), **spec}, "status": status}
    return why_closed(node_facts(document, tolerated), GPUS)


def test_a_cordon_is_named_without_the_taint_that_comes_with_it() -> None:
    reason = why(CORDON, unschedulable=True)
    assert reason is not None and (reason.code, reason.details) == ("node_cordoned", {"taints": []})
    assert reason.message.startswith("It is cordoned: nothing new is started there")


def test_a_taint_is_named_as_kubectl_writes_it_also_beside_a_cordon() -> None:
    tainted, both = why(BROKEN), why(CORDON, BROKEN, unschedulable=True)
    assert tainted is not None and tainted.code == "node_tainted"
    assert tainted.message.startswith("It has a taint that runs do not tolerate (fan=broken:NoExecute): ")
    assert both is not None and both.code == "node_cordoned"
    assert both.message.startswith("It is cordoned and has a taint that runs do not tolerate (fan=broken:NoExecute): ")
    assert tainted.details == both.details == {"taints": ["fan=broken:NoExecute"]}


def test_of_many_taints_the_first_are_named() -> None:
    reason = why(*({"key": f"t{number}", "effect": "NoSchedule"} for number in range(9)))
    assert reason is not None and "(t0:NoSchedule, t1:NoSchedule, t2:NoSchedule, ...)" in reason.message


@pytest.mark.parametrize("taints", [(), (POOL,), ({"key": "fan", "effect": "PreferNoSchedule"},)])
def test_a_node_that_takes_some_runs_is_not_closed(taints: tuple[dict[str, str], ...]) -> None:
    assert why(*taints) is None


def test_a_taint_that_runs_tolerate_closes_nothing() -> None:
    assert why(BROKEN, tolerated=({"key": "fan", "operator": "Exists"},)) is None
