"""What only the executor of a cluster does: calls of an API server that are cut anywhere, and nodes that it reports."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nats.js.errors import NoKeysError

from services.executor.backends.kubernetes.api import Api
from services.executor.backends.kubernetes.outputs import INCOMPLETE
from services.executor.domain import pod_names as names
from services.executor.domain.record import run_id
from shared.contracts import subjects
from shared.contracts.commands.jobs import ActiveJob
from shared.contracts.events import NodeReported, RunExited, RunLost, RunStopped
from tests.support.executor import NODE, launch_of, view_of
from tests.support.executor_service import ExecutorService, Yard
from tests.support.executors import in_cluster
from tests.support.kubernetes.cluster import BARE_IMAGE, shared
from tests.support.kubernetes.images import PLAIN
from tests.support.kubernetes.proxy import Held, Proxy, asks
from tests.support.nats import NatsServer
from tests.support.waiting import until

WAIT_FOR_GO = "while [ ! -e go ]; do sleep 0.05; done"
CREATES, DELETES, RELEASES = asks("POST", ".*/pods"), asks("DELETE", ".*/pods/.*"), asks("PATCH", ".*/pods/.*")


@pytest.fixture
async def settings(tmp_path: Path, between: Proxy) -> AsyncIterator[dict[str, Any]]:
    """It reaches the cluster through the proxy."""
    async with in_cluster(tmp_path / "data" / "storage") as settings:
        yield settings | {"kubernetes_config": between.kubeconfig}


@pytest.fixture
def executor(nats: NatsServer, tmp_path: Path, settings: dict[str, Any]) -> Iterator[ExecutorService]:
    with ExecutorService(nats.url, tmp_path / "data", backend="kubernetes", **settings) as running:
        yield running


@pytest.fixture
def killed_at(executor: ExecutorService, between: Proxy) -> Callable[[Held, str], Awaitable[None]]:
    """Kills it when it has come to a step, and lets nothing be held any more."""

    async def killed_at(held: Held, what: str) -> None:
        await until(held.here.is_set, what)
        executor.kill()
        between.heal()

    return killed_at


async def test_an_executor_that_is_killed_at_every_step_starts_a_run_once_and_tells_each_thing_once(
    executor: ExecutorService, yard: Yard, between: Proxy, killed_at: Callable[[Held, str], Awaitable[None]]
) -> None:
    step = between.hold(CREATES)
    view = await yard.place(launch=launch_of(f"echo start >> starts; echo line; {WAIT_FOR_GO}"), cpus=0.1)
    await killed_at(step, "it is about to make the pod")
    step = between.hold(CREATES, done=True)
    executor.start()
    await killed_at(step, "the pod is made, and it does not know yet")
    executor.start()
    await yard.said(view, "started")
    step = between.hold(DELETES, done=True)
    await yard.kill(view)
    await killed_at(step, "the run is told to stop, and it does not know yet")
    step = between.hold(RELEASES)
    executor.start()
    await killed_at(step, "it is about to let the pod go")
    executor.start()
    assert isinstance(await yard.said(view, "stopped"), RunStopped)
    assert (executor.job_path(view) / "starts").read_text() == "start\n"
    first, *said = await yard.console(view)
    assert first == "line"
    assert said in ([], [INCOMPLETE]), "a node may have no log of a deleted pod any more once the executor is back"
    assert await yard.facts(view) == ["started", "stopped"]


async def test_an_executor_that_is_killed_between_a_pod_without_a_shell_and_the_next_starts_the_run_once(
    executor: ExecutorService, yard: Yard, between: Proxy, killed_at: Callable[[Held, str], Awaitable[None]]
) -> None:
    step = between.hold(RELEASES)
    view = await yard.place(launch=launch_of((PLAIN, "told", "5"), image=BARE_IMAGE), cpus=0.1)
    await killed_at(step, "the pod that found no shell is about to be let go")
    step = between.hold(DELETES)
    executor.start()
    await killed_at(step, "it is about to be deleted")
    step = between.hold(CREATES)
    executor.start()
    await killed_at(step, "the next pod is about to be made")
    step = between.hold(CREATES, done=True)
    executor.start()
    await killed_at(step, "it is made, and nobody knows yet")
    executor.start()
    await yard.said(view, "started")
    await until(lambda: yard.console(view), "its program has begun")
    await yard.kill(view)
    stopped = await yard.said(view, "stopped")
    assert isinstance(stopped, RunStopped) and stopped.exit_code == 5
    assert await yard.console(view) == ["begun", "told"]
    assert (executor.job_path(view) / "ledger").read_text() == "start\n"
    assert await yard.facts(view) == ["started", "stopped"]


async def test_a_run_that_was_stopped_goes_on_from_its_checkpoint_in_a_new_pod(
    executor: ExecutorService, yard: Yard
) -> None:
    script = (
        'last=$JOBYARD_CHECKPOINT_DIR/last; echo "attempt $JOBYARD_ATTEMPT resume=$JOBYARD_RESUME"\n'
        '[ -e "$last" ] && { echo "from $(cat "$last")"; exit 0; }\n'
        'trap \'echo "step 41" > "$last"; exit 0\' TERM; touch ready\n'
        f"{WAIT_FOR_GO}"
    )
    first = await yard.place(launch=launch_of(script), cpus=0.1)
    await until((executor.job_path(first) / "ready").exists, "it runs")
    await yard.kill(first)
    stopped = await yard.said(first, "stopped")
    assert isinstance(stopped, RunStopped) and stopped.checkpoint_at is not None
    view = view_of(first.id, attempt=2, cpus=0.1, log_lines=stopped.log_lines)
    again = ActiveJob(view=view, launch=launch_of(script))
    yard.active[first.id] = again
    await yard.schedule(again)
    exited = await yard.said(again.view, "exited")
    assert isinstance(exited, RunExited)
    assert (exited.attempt, exited.exit_code) == (2, 0)
    lines = await yard.console(first)
    assert (lines[0], lines[-2:]) == ("attempt 1 resume=", ["attempt 2 resume=1", "from step 41"])


async def test_a_run_whose_pod_is_evicted_is_told_as_lost_after_its_last_output(
    executor: ExecutorService, yard: Yard, settings: dict[str, Any]
) -> None:
    view = await yard.place(launch=launch_of(f"trap 'echo saved; exit 0' TERM; touch ready; {WAIT_FOR_GO}"), cpus=0.1)
    await until((executor.job_path(view) / "ready").exists, "it runs")
    api, name = Api(shared()), names.pod_name(run_id(view.id, 1))
    await api.open()
    path = f"/api/v1/namespaces/{names.namespace('default', settings['kubernetes_namespaces'])}/pods/{name}/eviction"
    await api.create(path, {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}})
    await api.close()
    lost = await yard.said(view, "lost")
    assert isinstance(lost, RunLost)
    assert (lost.reason.code, lost.log_lines) == ("disrupted", len(await yard.console(view)))
    assert "saved" in await yard.console(view)
    assert await yard.facts(view) == ["started", "lost"]


async def test_the_rank_that_fails_is_the_reason_its_lines_are_its_own_and_the_others_are_stopped(
    executor: ExecutorService, yard: Yard
) -> None:
    fails = "echo loading; while [ ! -e ready ]; do sleep 0.05; done; echo 'CUDA error: no kernel image'; exit 3"
    waits = f"trap 'echo told; exit 0' TERM; echo waiting; touch ready; {WAIT_FOR_GO}"
    view = await yard.place(launch=launch_of(f'if [ "$RANK" = 1 ]; then {fails}; fi; {waits}'), cpus=0.1, ranks=2)
    exited = await yard.said(view, "exited")
    assert isinstance(exited, RunExited)
    assert (exited.exit_code, exited.rank) == (3, 1)
    assert await yard.console(view, rank=1) == ["loading", "CUDA error: no kernel image"]
    assert await yard.console(view, rank=0) == ["waiting", "told"]


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
    assert report.pods is not None and report.pods > 0
