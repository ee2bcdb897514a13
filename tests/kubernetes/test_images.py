"""Images that are pulled with credentials, by their digest, from a real registry: pods and what stands beside them."""

import base64
import json
from dataclasses import replace
from typing import Any

from services.executor.backends.frames import STDOUT
from services.executor.domain import pod_names as names
from services.executor.domain.observation import Cancelled, Ended, Refused
from services.executor.domain.pulling import Held, Pull
from shared.contracts.commands.secrets import RegistryLogin
from tests.support.held_way import HeldWay
from tests.support.kubernetes.bench import KubernetesBench
from tests.support.ports import free_port
from tests.support.registry import PASSWORD, USER, Registry
from tests.support.waiting import until

PART = 1 << 20
"""Bytes of each layer; two of the three have 3 MiB."""


async def secrets(bench: KubernetesBench) -> list[dict[str, Any]]:
    found = await bench.api.get(f"/api/v1/namespaces/{bench.namespace}/secrets")
    items: list[dict[str, Any]] = found["items"]
    return items


async def reopened(bench: KubernetesBench, start_s: float = 10_800.0) -> None:
    """It pulls images from now on, and gives each run's node so long for that."""
    await bench.close()
    bench.layout = replace(bench.layout, pull_policy="IfNotPresent")
    bench.start_s = start_s
    await bench.open()


async def test_a_pods_image_is_pulled_by_its_digest_with_a_secret_that_goes_with_the_run(
    bench: KubernetesBench, registry: Registry, way: HeldWay
) -> None:
    """The image has no shell, so the run's second pod says what its program says, with the same secret."""
    digest = registry.push("team/train:3", "one")
    name = f"127.0.0.1:{way.port}"
    await reopened(bench)
    login = RegistryLogin(registry=name, username=USER, password=PASSWORD)
    order = replace(bench.order(("/say",)), image=f"{name}/team/train@{digest}", login=login)
    way.hold_after(PART)
    try:
        await bench.backend.launch([order])

        async def pulled() -> bool:
            return order.run_id in await bench.backend.pulls([order.run_id])

        await until(pulled, "its image is being pulled")
        [pull] = (await bench.backend.pulls([order.run_id])).values()
        assert isinstance(pull, Pull)
        assert (pull.image, pull.layers) == (order.image, 0)
    finally:
        way.let_go()
    ended = await bench.launched_until(order, Ended)
    assert (ended.exit_code, bench.output(order.run_id)[STDOUT]) == (0, b"image one\n")
    again = replace(bench.order(("/say",)), image=order.image, login=login)
    await bench.backend.launch([again])
    assert (await bench.ended(again.run_id)).exit_code == 0, "its first pod does, since the image is known"
    path = f"/api/v1/namespaces/{bench.namespace}/pods/{names.pod_name(order.run_id)}"
    assert PASSWORD not in json.dumps(await bench.api.get(path))

    async def none_left() -> bool:
        return not await secrets(bench)

    await until(none_left, "its secret is gone")


async def test_a_pod_that_its_node_does_not_start_in_its_time_is_told_to_go_and_its_run_waits(
    bench: KubernetesBench, registry: Registry, way: HeldWay
) -> None:
    """A kubelet ends no pull that has begun, and lets the pod go with it: it starts nothing that was told to go."""
    login = RegistryLogin(registry=f"127.0.0.1:{way.port}", username=USER, password=PASSWORD)
    image = f"{login.registry}/team/slow@{registry.push('team/slow:1', 'slow')}"
    await reopened(bench, start_s=10)
    order = replace(bench.order("true"), image=image, login=login)
    way.hold_after(PART)
    await bench.backend.launch([order])

    async def told_to_go() -> bool:
        await bench.seen(order.run_id)
        pods = await bench.api.get(f"/api/v1/namespaces/{bench.namespace}/pods")
        return any("deletionTimestamp" in pod["metadata"] for pod in pods["items"])

    await until(told_to_go, "it is told to go", within=bench.within_s)
    way.let_go()
    seen = await bench.reaches(order.run_id, Refused)
    assert (seen.reason.code, seen.busy, seen.own) == ("start_overdue", True, True)


async def test_while_a_pod_waits_its_secret_stands_beside_it_as_the_kubelet_reads_it(
    bench: KubernetesBench, registry: Registry
) -> None:
    """On a node that is not there it waits for ever."""
    login = RegistryLogin(registry="docker.io", username=USER, password=PASSWORD)
    order = replace(bench.order("true"), node="nowhere", image="team/train:3", login=login)
    await bench.backend.launch([order])
    await until(lambda: secrets(bench), "its secret is made")
    [secret] = await secrets(bench)
    assert secret["type"] == "kubernetes.io/dockerconfigjson"
    config = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))
    entry = config["auths"]["https://index.docker.io/v1/"]
    assert (entry["username"], entry["password"]) == (USER, PASSWORD)
    await bench.backend.stop(order.run_id)

    async def none_left() -> bool:
        await bench.seen(order.run_id)
        return not await secrets(bench)

    await until(none_left, "its secret is gone")


async def test_a_pull_that_fails_is_told_as_that_while_the_node_tries_again(bench: KubernetesBench) -> None:
    await reopened(bench)
    order = replace(bench.order("true"), image=f"127.0.0.1:{free_port()}/team/train:3")
    await bench.backend.launch([order])
    told: list[Pull | Held] = []

    async def tried_again() -> bool:
        told.extend((await bench.backend.pulls([order.run_id])).values())
        said = [each.said for each in told if isinstance(each, Held)]
        return any("Back-off" in each for each in said) and any("connection refused" in each for each in said)

    await until(tried_again, "the node waits before it tries again", within=bench.within_s)
    first = next(index for index, each in enumerate(told) if isinstance(each, Held))
    assert all(isinstance(each, Held) for each in told[first:])
    await bench.backend.stop(order.run_id)
    await bench.reaches(order.run_id, Cancelled)
