"""What only the executor of a cluster does: calls of an API server that are cut anywhere, and nodes that it reports."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nats.js.errors import NoKeysError

from shared.contracts import subjects
from shared.contracts.events import NodeReported, RunStopped
from tests.support.executor import NODE, launch_of
from tests.support.executor_service import ExecutorService, Yard
from tests.support.executors import in_cluster
from tests.support.kubernetes.cluster import shared
from tests.support.kubernetes.proxy import Held, Proxy, asks, proxy
from tests.support.kubernetes.rights import listed, used
from tests.support.nats import NatsServer
from tests.support.waiting import until

WAIT_FOR_GO = "while [ ! -e go ]; do sleep 0.05; done"


@pytest.fixture
async def between(tmp_path: Path) -> AsyncIterator[Proxy]:
    """Whatever was asked through it is in the list of the executor's rights."""
    async with proxy(tmp_path, shared()) as between:
        yield between
        assert used(between.asked) <= listed()


@pytest.fixture
async def executor(nats: NatsServer, tmp_path: Path, between: Proxy) -> AsyncIterator[ExecutorService]:
    """It reaches the cluster through the proxy."""
    data = tmp_path / "data"
    async with in_cluster(data / "storage") as settings:
        through = settings | {"kubernetes_config": between.kubeconfig}
        with ExecutorService(nats.url, data, backend="kubernetes", **through) as running:
            yield running


async def test_an_executor_that_is_killed_at_every_step_starts_a_run_once_and_tells_each_thing_once(
    executor: ExecutorService, yard: Yard, between: Proxy
) -> None:
    async def killed_at(held: Held, what: str) -> None:
        await until(held.here.is_set, what)
        executor.kill()
        between.heal()

    creates, deletes, releases = asks("POST", ".*/pods"), asks("DELETE", ".*/pods/.*"), asks("PATCH", ".*/pods/.*")
    step = between.hold(creates)
    view = await yard.place(launch=launch_of(f"echo start >> starts; echo line; {WAIT_FOR_GO}"), cpus=0.1)
    await killed_at(step, "it is about to make the pod")
    step = between.hold(creates, done=True)
    executor.start()
    await killed_at(step, "the pod is made, and it does not know yet")
    executor.start()
    await yard.said(view, "started")
    step = between.hold(deletes, done=True)
    await yard.kill(view)
    await killed_at(step, "the run is told to stop, and it does not know yet")
    step = between.hold(releases)
    executor.start()
    await killed_at(step, "it is about to let the pod go")
    executor.start()
    assert isinstance(await yard.said(view, "stopped"), RunStopped)
    assert (executor.job_path(view) / "starts").read_text() == "start\n"
    assert await yard.console(view) == ["line"]
    assert await yard.facts(view) == ["started", "stopped"]


async def test_each_node_of_the_cluster_is_reported_with_who_answers_for_it(
    executor: ExecutorService, yard: Yard
) -> None:
    await executor.ready()
    bucket = await yard.bus.js.key_value(subjects.NODES)

    async def reported() -> bool:
        try:
            return NODE in await bucket.keys()
        except NoKeysError:
            return False

    await until(reported, "the node is reported")
    entry = await bucket.get(NODE)
    assert entry.value is not None
    report = NodeReported.model_validate_json(entry.value)
    assert (report.executor, report.uses_images) == (NODE, True)
    assert report.cpus > 0 and report.memory_mib > 0 and report.boot_id
