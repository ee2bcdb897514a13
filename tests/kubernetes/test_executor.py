"""The executor of a cluster, killed at any moment: each run starts once, and its lines and its end come whole."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from services.executor.backends.kubernetes.api import Api
from services.executor.domain import pod_names as names
from shared.contracts import subjects
from shared.contracts.events import NodeReported, RunExited, RunStarted, RunStopped
from shared.ids import new_id
from tests.support.executor import NODE, launch_of
from tests.support.executor_service import ExecutorService, Yard
from tests.support.kubernetes.cluster import IMAGE, shared
from tests.support.kubernetes.proxy import Held, Proxy, asks, proxy
from tests.support.kubernetes.rights import listed, used
from tests.support.kubernetes.storage import CLAIM, make_claim, remove_claim
from tests.support.nats import NatsServer
from tests.support.waiting import until

WAIT_FOR_GO = "while [ ! -e go ]; do sleep 0.05; done"


@pytest.fixture
async def namespace(tmp_path: Path) -> AsyncIterator[str]:
    """Of the virtual cluster `default`, with the executor's storage as its claim."""
    api, prefix = Api(shared()), f"t{new_id()[-10:].lower()}-"
    await api.open()
    await make_claim(api, names.namespace("default", prefix), tmp_path / "data" / "storage")
    yield prefix
    await remove_claim(api, names.namespace("default", prefix))
    await api.close()


@pytest.fixture
async def between(tmp_path: Path) -> AsyncIterator[Proxy]:
    """Whatever was asked through it is in the list of the executor's rights."""
    async with proxy(tmp_path, shared()) as between:
        yield between
        assert used(between.asked) <= listed()


@pytest.fixture
def executor(nats: NatsServer, tmp_path: Path, namespace: str, between: Proxy) -> Iterator[ExecutorService]:
    """It reaches the cluster through the proxy."""
    settings = {
        "config": between.kubeconfig,
        "namespaces": namespace,
        "image": IMAGE,
        "pull_policy": "Never",
        "storage": json.dumps({str(tmp_path / "data" / "storage"): {"claim": CLAIM}}),
        "limit_cpus": "false",
    }
    own: dict[str, Any] = {f"kubernetes_{name}": value for name, value in settings.items()}
    with ExecutorService(nats.url, tmp_path / "data", backend="kubernetes", simulate="", **own) as running:
        yield running


async def test_a_run_outlives_an_executor_that_is_killed_and_nothing_of_it_is_lost_or_told_twice(
    executor: ExecutorService, yard: Yard
) -> None:
    command = f"echo start >> starts; echo before; {WAIT_FOR_GO}; seq 2000; echo error >&2; touch done; exit 3"
    view = await yard.place(launch=launch_of(command), cpus=0.1)
    started = await yard.said(view, "started")
    assert isinstance(started, RunStarted) and started.uses_images
    await until((executor.job_path(view) / "starts").exists, "it runs")
    executor.kill()
    (executor.job_path(view) / "go").touch()
    await until((executor.job_path(view) / "done").exists, "it ends while nobody looks")
    executor.start()
    exited = await yard.said(view, "exited")
    assert isinstance(exited, RunExited)
    assert (exited.exit_code, exited.log_lines) == (3, 2002)
    assert sorted(await yard.console(view)) == sorted(["before", *map(str, range(1, 2001)), "error"])
    assert (executor.job_path(view) / "starts").read_text() == "start\n"
    assert await yard.facts(view) == ["started", "exited"]


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


async def test_a_kill_lets_the_run_save_and_says_when_it_last_did(executor: ExecutorService, yard: Yard) -> None:
    saves = "trap 'echo state > \"$JOBYARD_CHECKPOINT_DIR/last\"; exit 0' TERM; touch ready"
    view = await yard.place(launch=launch_of(f"{saves}; {WAIT_FOR_GO}"), cpus=0.1)
    await until((executor.job_path(view) / "ready").exists, "it runs")
    await yard.kill(view)
    stopped = await yard.said(view, "stopped")
    assert isinstance(stopped, RunStopped)
    assert (stopped.exit_code, stopped.forced) == (0, False)
    assert stopped.checkpoint_at is not None


async def test_each_node_of_the_cluster_is_reported_with_who_answers_for_it(
    executor: ExecutorService, yard: Yard
) -> None:
    await executor.ready()
    bucket = await yard.bus.js.key_value(subjects.NODES)

    async def reported() -> bool:
        return NODE in await bucket.keys()

    await until(reported, "the node is reported")
    entry = await bucket.get(NODE)
    assert entry.value is not None
    report = NodeReported.model_validate_json(entry.value)
    assert (report.executor, report.uses_images) == (NODE, True)
    assert report.cpus > 0 and report.memory_mib > 0 and report.boot_id
