"""The executor of a cluster, killed at any moment: each run starts once, and its lines and its end come whole."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from services.executor.backends.kubernetes.api import Api
from services.executor.domain import pod_names as names
from services.executor.domain.record import run_id
from shared.contracts import subjects
from shared.contracts.commands.jobs import ActiveJob
from shared.contracts.events import NodeReported, RunExited, RunLost, RunStarted, RunStopped
from shared.ids import new_id
from tests.support.executor import NODE, launch_of, view_of
from tests.support.executor_service import ExecutorService, Yard
from tests.support.kubernetes.cluster import IMAGE, shared
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
def executor(nats: NatsServer, tmp_path: Path, namespace: str) -> Iterator[ExecutorService]:
    settings = {
        "config": shared(),
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


async def test_an_executor_that_is_killed_while_it_makes_pods_starts_each_of_them_once(
    executor: ExecutorService, yard: Yard
) -> None:
    views = [await yard.place(launch=launch_of("echo start >> starts"), cpus=0.1) for _ in range(4)]
    await until(executor.job_path(views[0]).exists, "the first is on its way")
    for _ in range(3):
        executor.kill()
        executor.start()
        await executor.ready()
    for view in views:
        assert isinstance(await yard.said(view, "exited"), RunExited)
        assert (executor.job_path(view) / "starts").read_text() == "start\n"


async def test_a_kill_lets_the_run_save_and_says_when_it_last_did(executor: ExecutorService, yard: Yard) -> None:
    saves = "trap 'echo state > \"$JOBYARD_CHECKPOINT_DIR/last\"; exit 0' TERM; touch ready"
    view = await yard.place(launch=launch_of(f"{saves}; {WAIT_FOR_GO}"), cpus=0.1)
    await until((executor.job_path(view) / "ready").exists, "it runs")
    await yard.kill(view)
    stopped = await yard.said(view, "stopped")
    assert isinstance(stopped, RunStopped)
    assert (stopped.exit_code, stopped.forced) == (0, False)
    assert stopped.checkpoint_at is not None


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
    executor: ExecutorService, yard: Yard, namespace: str
) -> None:
    view = await yard.place(launch=launch_of(f"trap 'echo saved; exit 0' TERM; touch ready; {WAIT_FOR_GO}"), cpus=0.1)
    await until((executor.job_path(view) / "ready").exists, "it runs")
    api, name = Api(shared()), names.pod_name(run_id(view.id, 1))
    await api.open()
    path = f"/api/v1/namespaces/{names.namespace('default', namespace)}/pods/{name}/eviction"
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
        return NODE in await bucket.keys()

    await until(reported, "the node is reported")
    entry = await bucket.get(NODE)
    assert entry.value is not None
    report = NodeReported.model_validate_json(entry.value)
    assert (report.executor, report.uses_images) == (NODE, True)
    assert report.cpus > 0 and report.memory_mib > 0 and report.boot_id
