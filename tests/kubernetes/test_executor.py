"""The executor of a cluster, killed at any moment: each run starts once, and its lines and its end come whole."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from nats.js.errors import NoKeysError

from services.executor.backends.kubernetes.api import Api
from services.executor.domain import pod_names as names
from shared.contracts import subjects
from shared.contracts.events import NodeReported, RunExited, RunStarted, RunStopped
from shared.ids import new_id
from tests.support.executor import NODE, launch_of
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


async def test_what_a_run_uses_and_reports_arrives_while_it_runs_and_with_its_end(
    executor: ExecutorService, yard: Yard
) -> None:
    spends = "i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done"
    report = 'echo \'{"loss": 0.5}\' >> "$JOBYARD_METRICS_FILE"'
    command = f"{spends}; {report}; {WAIT_FOR_GO}; {report.replace('0.5', '0.25')}"
    view = await yard.place(launch=launch_of(command), cpus=0.1)
    seen: dict[str, float] = {}

    async def told() -> bool:
        for sample in await yard.samples(view):
            seen.update(sample.reported)
            seen["cpu"] = max(seen.get("cpu", 0.0), sample.cpu_seconds or 0.0)
            seen["memory"] = max(seen.get("memory", 0.0), sample.memory_bytes or 0.0)
        return seen.get("loss") == 0.5 and seen["cpu"] > 0 and seen["memory"] > 0

    await until(told, "the samples say it", within=120)
    (executor.job_path(view) / "go").touch()
    exited = await yard.said(view, "exited")
    assert isinstance(exited, RunExited) and exited.usage is not None
    assert exited.usage.reported == {"loss": 0.25}
    assert (exited.usage.cpu_seconds or 0) >= seen["cpu"] and (exited.usage.memory_peak_bytes or 0) >= seen["memory"]


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
