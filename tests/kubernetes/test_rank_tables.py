"""Runs on NPUs that this test plays: the node says that it has some, and what Huawei's device plugin would say of a pod
is written into its annotations.
"""

import json
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from services.executor.backends.frames import STDOUT
from services.executor.backends.protocol import RunOrder
from services.executor.domain.cluster_nodes import Kind
from services.executor.domain.observation import Started
from services.executor.domain.pod_npus import ANNOTATION
from services.executor.domain.rank_table import VARIABLE, file_name
from services.executor.domain.record import rank_id
from shared.ids import new_id
from tests.support.kubernetes.bench import KubernetesBench
from tests.support.waiting import until

RESOURCE = "huawei.com/Ascend910"
NODE = "/api/v1/nodes/node-1"
READ = f'echo begun >> ledger; cat "${VARIABLE}"'


@pytest.fixture
async def yard(bench: KubernetesBench) -> AsyncIterator[KubernetesBench]:
    """Its node has four NPUs."""
    if os.environ.get("KUBECONFIG"):
        pytest.skip("nodes of a cluster that is not the tests' own are left alone")
    await bench.api.patch(f"{NODE}/status", {"status": {"capacity": {RESOURCE: "4"}}})

    async def has_npus() -> bool:
        return bool((await bench.api.get(NODE))["status"]["allocatable"].get(RESOURCE) == "4")

    await until(has_npus, "the node has NPUs")
    bench.layout = replace(bench.layout, device_types={"ascend910": Kind(RESOURCE)})
    await bench.reopen()
    yield bench
    await bench.api.patch(f"{NODE}/status", {"status": {"capacity": {RESOURCE: "0"}}})


def ranks(bench: KubernetesBench, script: str = READ) -> list[RunOrder]:
    """Two of a run, each with an NPU."""
    run = f"{new_id()}.1"
    orders = [bench.order(script, rank_id(run, rank)) for rank in (0, 1)]
    return [replace(order, ranks=2, device_type="ascend910", devices=(0,)) for order in orders]


async def tell(bench: KubernetesBench, order: RunOrder, said: dict[str, Any]) -> None:
    """As the device plugin does once the pod's node has admitted it."""
    await bench.api.patch(bench.pod(order.run_id), {"metadata": {"annotations": {ANNOTATION: json.dumps(said)}}})


def npu(number: int) -> dict[str, Any]:
    device = {"device_id": str(number), "device_ip": f"192.168.100.{100 + number}"}
    return {"pod_name": "0", "server_id": "10.0.0.7", "devices": [device]}


async def test_ranks_wait_until_all_of_their_npus_are_told_and_read_one_table(yard: KubernetesBench) -> None:
    first, second = ranks(yard)
    stale = yard.folder / file_name(first.run_id)
    stale.write_text("left by somebody")
    await yard.backend.launch([first, second])
    for order in (first, second):
        await yard.reaches(order.run_id, Started)
    await tell(yard, first, npu(3))
    await tell(yard, second, npu(3) | {"devices": []})
    await yard.reopen()
    await yard.seen(first.run_id)
    assert (yard.lines("ledger"), stale.exists()) == ([], False)
    await tell(yard, second, npu(2))
    codes = [(await yard.ended(order.run_id)).exit_code for order in (first, second)]
    assert codes == [0, 0]
    read = [json.loads(yard.output(order.run_id)[STDOUT]) for order in (first, second)]
    assert read[0] == read[1]
    assert read[0]["status"] == "completed"
    [server] = read[0]["server_list"]
    assert (server["server_id"], server["device"]) == (
        "10.0.0.7",
        [
            {"device_id": "3", "device_ip": "192.168.100.103", "rank_id": "0"},
            {"device_id": "2", "device_ip": "192.168.100.102", "rank_id": "1"},
        ],
    )


async def test_a_run_of_whose_npus_nothing_is_told_fails_with_a_sentence(yard: KubernetesBench) -> None:
    yard.layout = replace(yard.layout, rank_table_s=1)
    await yard.reopen()
    first, second = ranks(yard)
    await yard.backend.launch([first, second])
    ended = await yard.ended(first.run_id)
    assert (ended.exit_code, ended.stopped) == (1, False)
    assert b"the cluster has not said which NPUs the ranks of this job have" in yard.everything(first.run_id)
    assert yard.lines("ledger") == []


async def test_a_run_that_is_stopped_while_it_waits_for_its_table_has_not_begun(yard: KubernetesBench) -> None:
    orders = ranks(yard)
    await yard.backend.launch(orders)
    for order in orders:
        await yard.reaches(order.run_id, Started)
    for order in orders:
        await yard.backend.stop(order.run_id)
    for order in orders:
        assert (await yard.ended(order.run_id)).stopped
    assert yard.lines("ledger") == []


async def test_a_run_with_a_table_of_its_own_waits_for_none(yard: KubernetesBench) -> None:
    orders = ranks(yard, f'echo "${VARIABLE}"')
    await yard.backend.launch([replace(order, env=order.env | {VARIABLE: "/mine.json"}) for order in orders])
    for order in orders:
        assert (await yard.ended(order.run_id)).exit_code == 0
        assert yard.output(order.run_id)[STDOUT] == b"/mine.json\n"
