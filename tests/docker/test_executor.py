"""The executor with containers, killed at any moment: each run starts once, and its lines and its end come whole."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.contracts.events import RunExited, RunRefused, RunStarted, RunStopped
from tests.support.benches import clear_containers
from tests.support.docker import IMAGE, docker, engine
from tests.support.executor import launch_of
from tests.support.executor_service import ExecutorService, Yard
from tests.support.nats import NatsServer
from tests.support.waiting import until

WAIT_FOR_GO = "while [ ! -e go ]; do sleep 0.05; done"


@pytest.fixture
def executor(nats: NatsServer, tmp_path: Path) -> Iterator[ExecutorService]:
    service = ExecutorService(
        nats.url, tmp_path / "data", backend="docker", docker_host=engine(), image=IMAGE, users="*=1000:1000"
    )
    try:
        with service as running:
            yield running
    finally:
        clear_containers(tmp_path / "data" / "executor" / "docker")


async def test_a_run_outlives_an_executor_that_is_killed_and_nothing_of_it_is_lost_or_told_twice(
    executor: ExecutorService, yard: Yard
) -> None:
    command = f"echo start >> starts; echo before; {WAIT_FOR_GO}; seq 2000; echo error >&2; exit 3"
    view = await yard.place(launch=launch_of(command), cpus=0.5)
    started = await yard.said(view, "started")
    assert isinstance(started, RunStarted) and started.uses_images
    await until((executor.job_path(view) / "starts").exists, "it runs")
    executor.kill()
    (executor.job_path(view) / "go").touch()
    names = ("ps", "--quiet", "--filter", f"label=jobyard.job={view.id}")
    await until(lambda: not docker(*names).strip(), "it ends while nobody looks")
    executor.start()
    exited = await yard.said(view, "exited")
    assert isinstance(exited, RunExited)
    assert (exited.exit_code, exited.log_lines) == (3, 2002)
    assert exited.usage is not None and exited.usage.network is not None and exited.usage.network.scope == "run"
    lines = await yard.console(view)
    assert sorted(lines) == sorted(["before", *map(str, range(1, 2001)), "error"])
    assert (executor.job_path(view) / "starts").read_text() == "start\n"
    assert await yard.facts(view) == ["started", "exited"]


async def test_an_executor_that_is_killed_while_it_starts_containers_starts_each_of_them_once(
    executor: ExecutorService, yard: Yard
) -> None:
    command = "echo start >> starts"
    views = [await yard.place(launch=launch_of(command), cpus=0.5) for _ in range(4)]
    await until(
        lambda: docker("ps", "--all", "--quiet", "--filter", "name=" + views[0].id).strip(), "the first is made"
    )
    for _ in range(3):
        executor.kill()
        executor.start()
        await executor.ready()
    for view in views:
        assert isinstance(await yard.said(view, "exited"), RunExited)
        assert (executor.job_path(view) / "starts").read_text() == "start\n"
        assert await yard.ends(view) == ["exited"]


async def test_a_kill_lets_the_run_save_and_says_when_it_last_did(executor: ExecutorService, yard: Yard) -> None:
    saves = "trap 'echo state > \"$JOBYARD_CHECKPOINT_DIR/last\"; exit 0' TERM; touch ready"
    view = await yard.place(launch=launch_of(f"{saves}; {WAIT_FOR_GO}"))
    await until((executor.job_path(view) / "ready").exists, "it runs")
    await yard.kill(view)
    stopped = await yard.said(view, "stopped")
    assert isinstance(stopped, RunStopped)
    assert (stopped.exit_code, stopped.forced) == (0, False)
    assert stopped.checkpoint_at is not None


@pytest.mark.usefixtures("executor")
async def test_what_the_engine_will_not_start_is_refused_in_its_words(yard: Yard, tmp_path: Path) -> None:
    view = await yard.place(launch=launch_of("true", image="127.0.0.1:9/no/such:1"))
    refused = await yard.said(view, "refused")
    assert isinstance(refused, RunRefused)
    assert refused.busy and "127.0.0.1:9/no/such:1" in refused.reason.message


MEETS = """
import os, socket, time
rank, at = int(os.environ["RANK"]), (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
if rank == 0:
    server = socket.create_server(("", at[1]))
    other = server.accept()[0]
    print("rank 0 heard", other.recv(100).decode())
    other.sendall(b"all of " + os.environ["WORLD_SIZE"].encode())
else:
    while True:
        try:
            other = socket.create_connection(at)
            break
        except OSError:
            time.sleep(0.05)
    other.sendall(b"rank 1")
    print("rank 1 heard", other.recv(100).decode())
"""


@pytest.mark.usefixtures("executor")
async def test_the_ranks_of_a_job_are_containers_that_meet(yard: Yard) -> None:
    view = await yard.place(launch=launch_of(("python3", "-c", MEETS)), ranks=2, cpus=0.5)
    assert isinstance(await yard.said(view, "exited"), RunExited)
    assert await yard.console(view) == ["rank 0 heard rank 1"]
    assert await yard.console(view, rank=1) == ["rank 1 heard all of 2"]
    made = docker("ps", "--all", "--format", "{{.Names}}", "--filter", f"label=jobyard.job={view.id}").split()
    assert len(made) == 2


async def test_a_rank_that_fails_stops_the_container_of_the_other(executor: ExecutorService, yard: Yard) -> None:
    script = (
        'if [ "$RANK" = 1 ]; then exit 7; fi; trap "echo stopped > stopped; exit 0" TERM; while :; do sleep 0.05; done'
    )
    view = await yard.place(launch=launch_of(script), ranks=2, cpus=0.5)
    exited = await yard.said(view, "exited")
    assert isinstance(exited, RunExited)
    assert exited.exit_code == 7
    assert not docker("ps", "--quiet", "--filter", f"label=jobyard.job={view.id}").strip()
