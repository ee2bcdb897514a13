"""Runs that an operator gives up in a real cluster: where the node does not answer, and nothing is left."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from services.executor.backends.kubernetes.outputs import INCOMPLETE
from services.executor.backends.kubernetes.refusals import ApiError
from services.executor.domain import pod_names as names
from services.executor.domain.observation import Lost, Started
from shared.contracts.job import Reason
from shared.ids import new_id
from tests.support.kubernetes.bench import KubernetesBench
from tests.support.waiting import until

GIVEN_UP = Reason(code="run_forced", message="ada gave it up.", details={"actor": "ada"})


@pytest.fixture
async def gone(bench: KubernetesBench) -> AsyncIterator[str]:
    """A node that the cluster has, and nobody answers for."""
    name = f"gone-{new_id()[-10:].lower()}"
    await bench.api.create("/api/v1/nodes", {"metadata": {"name": name}})
    yield name
    await bench.api.delete(f"/api/v1/nodes/{name}", {})


async def begun(bench: KubernetesBench, node: str) -> str:
    """A run on this node, as its kubelet told of it before it went."""
    order = replace(bench.order("true"), node=node)
    await bench.backend.launch([order])
    path = f"/api/v1/namespaces/{bench.namespace}/pods/{names.pod_name(order.run_id)}"

    async def there() -> bool:
        try:
            await bench.api.get(path)
        except ApiError:
            return False
        return True

    await until(there, "the pod is there")
    bound = {"metadata": {"name": names.pod_name(order.run_id)}, "target": {"kind": "Node", "name": node}}
    await bench.api.create(f"{path}/binding", bound)
    state = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
    container = {"name": names.CONTAINER, "ready": True, "restartCount": 0, "image": "", "imageID": "", "state": state}
    await bench.api.patch(f"{path}/status", {"status": {"phase": "Running", "containerStatuses": [container]}})
    await bench.reaches(order.run_id, Started)
    return order.run_id


async def test_a_run_on_a_node_that_does_not_answer_is_given_up_on_an_operators_word_and_leaves_no_pod(
    bench: KubernetesBench, gone: str
) -> None:
    id = await begun(bench, gone)
    path = f"/api/v1/namespaces/{bench.namespace}/pods/{names.pod_name(id)}"
    await bench.backend.stop(id)

    async def told_to_stop() -> bool:
        return "deletionTimestamp" in (await bench.api.get(path))["metadata"]

    await until(told_to_stop, "the pod is to go")
    assert isinstance(await bench.seen(id), Started)  # it counts as stopped only when somebody knows
    assert await bench.backend.force([id], GIVEN_UP) == (id,)
    assert (await bench.reaches(id, Lost)).reason == GIVEN_UP
    assert bench.everything(id).decode() == f"{INCOMPLETE}\n"
    with pytest.raises(ApiError) as missing:
        await bench.api.get(path)
    assert missing.value.status == 404
    await bench.reopen()
    assert await bench.seen(id) == Lost(GIVEN_UP)
