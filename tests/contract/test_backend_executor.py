"""The executor with each backend, killed at any moment: each run starts once, and its lines and its end come whole."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.contracts.events import RunExited, RunStarted, RunStopped
from tests.support.backends import BACKENDS
from tests.support.executor import launch_of
from tests.support.executor_service import ExecutorService, Yard
from tests.support.executors import running
from tests.support.nats import NatsServer
from tests.support.waiting import until

WAIT_FOR_GO = "while [ ! -e go ]; do sleep 0.05; done"
CPUS = 0.25
"""Of each rank: what containers have at least."""


@pytest.fixture(params=BACKENDS)
async def executor(request: pytest.FixtureRequest, nats: NatsServer, tmp_path: Path) -> AsyncIterator[ExecutorService]:
    async with running(request.param, nats.url, tmp_path / "data") as executor:
        yield executor


async def test_a_run_outlives_an_executor_that_is_killed_and_nothing_of_it_is_lost_or_told_twice(
    executor: ExecutorService, yard: Yard, request: pytest.FixtureRequest
) -> None:
    command = f"echo start >> starts; echo before; {WAIT_FOR_GO}; seq 2000; echo error >&2; touch done; exit 3"
    view = await yard.place(launch=launch_of(command), cpus=CPUS)
    started = await yard.said(view, "started")
    assert isinstance(started, RunStarted)
    assert bool(started.uses_images) == ("process" not in request.node.name)
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


async def test_an_executor_that_is_killed_while_it_starts_runs_starts_each_of_them_once(
    executor: ExecutorService, yard: Yard
) -> None:
    views = [await yard.place(launch=launch_of("echo start >> starts"), cpus=CPUS) for _ in range(4)]
    await until(executor.job_path(views[0]).exists, "the first is on its way")
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
    view = await yard.place(launch=launch_of(f"{saves}; {WAIT_FOR_GO}"), cpus=CPUS)
    await until((executor.job_path(view) / "ready").exists, "it runs")
    await yard.kill(view)
    stopped = await yard.said(view, "stopped")
    assert isinstance(stopped, RunStopped)
    assert (stopped.exit_code, stopped.forced) == (0, False)
    assert stopped.checkpoint_at is not None


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
async def test_the_ranks_of_a_job_meet_where_they_are_told_to(yard: Yard) -> None:
    view = await yard.place(launch=launch_of(("python3", "-c", MEETS)), ranks=2, cpus=CPUS)
    assert isinstance(await yard.said(view, "exited"), RunExited)
    assert await yard.console(view) == ["rank 0 heard rank 1"]
    assert await yard.console(view, rank=1) == ["rank 1 heard all of 2"]


async def test_a_rank_that_ends_at_once_keeps_no_other_from_starting(executor: ExecutorService, yard: Yard) -> None:
    view = await yard.place(launch=launch_of('echo "$RANK" >> ranks; test -n "$MASTER_ADDR"'), ranks=3, cpus=CPUS)
    exited = await yard.said(view, "exited")
    assert isinstance(exited, RunExited)
    assert exited.exit_code == 0
    assert sorted((executor.job_path(view) / "ranks").read_text().split()) == ["0", "1", "2"]


async def test_a_rank_that_fails_is_the_reason_and_stops_the_other(executor: ExecutorService, yard: Yard) -> None:
    fails = "while [ ! -e ready ]; do sleep 0.05; done; echo no kernel image; exit 7"
    waits = f"trap 'echo told; touch stopped; exit 0' TERM; touch ready; {WAIT_FOR_GO}"
    view = await yard.place(launch=launch_of(f'if [ "$RANK" = 1 ]; then {fails}; fi; {waits}'), ranks=2, cpus=CPUS)
    exited = await yard.said(view, "exited")
    assert isinstance(exited, RunExited)
    assert (exited.exit_code, exited.rank) == (7, 1)
    assert (await yard.console(view, rank=1), await yard.console(view)) == (["no kernel image"], ["told"])
    assert (executor.job_path(view) / "stopped").exists()
