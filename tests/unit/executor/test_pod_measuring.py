"""Figures of pods are asked for in parts, and a part that does not answer costs its own figures alone."""

import asyncio
from collections.abc import Collection, Iterable
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.executor.backends.kubernetes.api import Api
from services.executor.backends.kubernetes.measuring import Measuring
from services.executor.backends.kubernetes.nodes import Holders
from services.executor.backends.kubernetes.pods import Pods
from services.executor.domain import pod_names as names
from services.executor.domain.figures import Figures
from services.executor.domain.holder import Holder
from services.executor.domain.pod_fence import Fence
from services.executor.domain.pod_figures import Pod, PodFigures
from shared.contracts.metrics import Accelerator
from shared.ids import new_id

NAMESPACE = "jobyard-default"
FENCE = Fence("cluster", "jobyard-")


class Said:
    """A source that says what the test says, of each node; a node with an error fails, one without a word hangs."""

    def __init__(self) -> None:
        self.figures: dict[str, dict[str, PodFigures] | Exception] = {}
        self.asked: list[str] = []

    def parts(self, nodes: Collection[str]) -> Iterable[str]:
        return sorted(nodes)

    async def read(self, part: str) -> dict[Pod, PodFigures]:
        self.asked.append(part)
        if part not in self.figures:
            await asyncio.Event().wait()
        said = self.figures[part]
        if isinstance(said, Exception):
            raise said
        return {(NAMESPACE, names.pod_name(run_id)): figures for run_id, figures in said.items()}


def running(run_id: str, node: str) -> dict[str, Any]:
    state = {"running": {"startedAt": "2026-11-28T20:00:00Z"}}
    return {
        "metadata": {
            "name": names.pod_name(run_id),
            "namespace": NAMESPACE,
            "uid": run_id,
            "resourceVersion": "1",
            "annotations": {names.RUN: run_id, names.NODE: "cluster", names.OWNER: "ada", names.VC: "default"},
            "labels": FENCE.labels(run_id),
            "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "jobyard", "uid": "anchor"}],
        },
        "spec": {"nodeName": node, "containers": [{"name": names.CONTAINER, "image": "a"}]},
        "status": {"phase": "Running", "containerStatuses": [{"name": names.CONTAINER, "state": state}]},
    }


@pytest.fixture
def pods() -> Pods:
    return Pods(Api(None), FENCE, Holders(), lambda run_id: None, lambda run_id: NAMESPACE)


async def let_go(measuring: Measuring) -> None:
    asking = list(measuring.under_way())
    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)


async def test_a_node_that_fails_and_one_that_hangs_cost_only_their_own_figures(pods: Pods) -> None:
    ids = {node: f"{new_id()}.1" for node in ("answers", "fails", "hangs")}
    for node, run_id in ids.items():
        pods.take(running(run_id, node))
    source = Said()
    source.figures = {"answers": {ids["answers"]: PodFigures(cpu_ns=7)}, "fails": ConnectionError("no route")}
    measuring = Measuring(pods, [source])
    with capture_logs() as logged:
        seen = await measuring.measure([*ids.values(), "nobody.1"])
    [unknown] = [one for one in logged if one["event"] == "figures_unknown"]
    assert (unknown["part"], unknown["error"]) == ("fails", "no route"), "the error is what helps an operator"
    assert {node: seen[run_id].cpu_ns for node, run_id in ids.items()} == {"answers": 7, "fails": None, "hangs": None}
    assert set(seen) == set(ids.values()), "a run has its reports even where nobody knows what it uses"
    await let_go(measuring)


async def test_what_a_node_says_of_another_nodes_pods_is_not_believed(pods: Pods) -> None:
    ids = {node: f"{new_id()}.1" for node in ("a-in-wrong-hands", "b", "silent")}
    for node, run_id in ids.items():
        pods.take(running(run_id, node))
    source = Said()
    forged = dict.fromkeys(ids.values(), PodFigures(cpu_ns=666, memory_bytes=666))
    source.figures = {"a-in-wrong-hands": forged, "b": {ids["b"]: PodFigures(cpu_ns=7)}, "silent": OSError("away")}
    seen = await Measuring(pods, [source]).measure([*ids.values()])
    assert {node: (seen[run_id].cpu_ns, seen[run_id].memory_bytes) for node, run_id in ids.items()} == {
        "a-in-wrong-hands": (666, 666),
        "b": (7, None),
        "silent": (None, None),
    }


async def test_a_node_is_asked_once_for_all_of_its_runs_and_not_again_within_the_round(pods: Pods) -> None:
    ids = [f"{new_id()}.1" for _ in range(3)]
    for run_id in ids:
        pods.take(running(run_id, "node-1"))
    source = Said()
    source.figures = {"node-1": {run_id: PodFigures(cpu_ns=number) for number, run_id in enumerate(ids)}}
    measuring = Measuring(pods, [source])
    for _ in range(2):
        seen = await measuring.measure(ids)
        assert [seen[run_id].cpu_ns for run_id in ids] == [0, 1, 2]
    assert source.asked == ["node-1"]


async def test_devices_are_a_runs_own_in_their_order_and_none_more_than_it_was_given(pods: Pods) -> None:
    run_id, other = f"{new_id()}.1", f"{new_id()}.1"
    pods.take(running(run_id, "node-1"))
    source, devices = Said(), {("gpu", "0002"): Figures(0.5, 10), ("gpu", "0005"): Figures(None, 20)}
    source.figures = {"node-1": {run_id: PodFigures(devices=devices)}}  # type: ignore[arg-type]
    measuring = Measuring(pods, [source])
    await measuring.measure([run_id])
    held = measuring.devices([Holder(run_id, "v100", (3, 4), ()), Holder(other, "v100", (0,), ())])
    assert held == {
        run_id: (
            Accelerator(kind="gpu", device=3, utilization=0.5, memory_bytes=10),
            Accelerator(kind="gpu", device=4, utilization=None, memory_bytes=20),
        ),
        other: (),
    }
    assert len(measuring.devices([Holder(run_id, "v100", (3,), ())])[run_id]) == 1
