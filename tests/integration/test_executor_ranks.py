"""Jobs of several ranks, on a real nats-server with real processes: they start, fail and stop together, also over
kills of any of them and of the executor.
"""

import json
import os
import shlex
import signal
from pathlib import Path

import pytest

from services.executor.domain.record import rank_id
from shared.contracts.commands.logs import READ_LOG, ReadLog
from shared.contracts.errors import Conflict
from shared.contracts.events import RunExited, RunLost, RunRefused, RunStarted, RunStopped
from shared.contracts.job import JobStatus, JobView
from shared.contracts.streams import Child
from shared.streams.client import RunAt, Streams
from tests.support.executor import NODE, launch_of
from tests.support.executor_backend import processes_of
from tests.support.executor_service import ExecutorService, Yard, at_once, paused
from tests.support.nats import NatsServer
from tests.support.streams import close, drained
from tests.support.waiting import until

WAIT_FOR_GO = Yard.WAIT_FOR_GO
LEAVES = "trap 'touch told; exit 0' TERM; echo begun; while :; do sleep 0.02; done"
BREAKS = "echo begun; while [ ! -e told ]; do sleep 0.02; done; echo yes > broken; exit 1"
"""A rank that ends as soon as it is told to, and one that fails once the first one has."""
UNTIL_TOLD = "trap 'echo told; exit 0' TERM; echo begun; while :; do sleep 0.02; done"


def by_rank(*scripts: str) -> str:
    """A script that does something else on each rank."""
    cases = " ".join(f"{rank}) eval {shlex.quote(script)};;" for rank, script in enumerate(scripts))
    return f"case $RANK in {cases} esac"


def run_of(view: JobView) -> str:
    return f"{view.id}.{view.state.attempt}"


async def placed(yard: Yard, *scripts: str) -> JobView:
    """A job with a rank for each of these scripts, which has started."""
    view = await yard.place(by_rank(*scripts), ranks=len(scripts))
    await yard.said(view, "started")
    return view


async def supervisor_of_the_second(yard: Yard, executor: ExecutorService, view: JobView) -> int:
    """Of a job of two ranks."""
    started = await yard.said(view, "started")
    assert isinstance(started, RunStarted)
    [other] = [pid for pid in executor.home.supervisors() if pid != started.pid]
    return other


async def exited(yard: Yard, view: JobView) -> RunExited:
    event = await yard.said(view, "exited")
    assert isinstance(event, RunExited)
    return event


async def shows(yard: Yard, view: JobView, rank: int, *lines: str) -> None:
    """Wait until the rank's console has begun with these lines."""

    async def there() -> bool:
        return (await yard.console(view, rank))[: len(lines)] == [*lines]

    await until(there, f"rank {rank} has written {lines}")


async def gone(executor: ExecutorService, view: JobView) -> None:
    """Nothing of the run is left."""
    ids = [rank_id(run_of(view), rank) for rank in range(view.nodes)]
    assert [process for id in ids for process in processes_of(id)] == []
    await until(lambda: executor.home.supervisors() == [], "no supervisor is left")


# --- together


@pytest.mark.usefixtures("executor")
async def test_every_rank_knows_who_it_is_and_where_to_meet_and_the_run_is_told_of_once(yard: Yard) -> None:
    said = "echo $RANK of $WORLD_SIZE at $MASTER_ADDR:$MASTER_PORT with $JOBYARD_DEVICES in $JOBYARD_CHECKPOINT_DIR"
    view = await yard.place(said, ranks=2, devices=(0, 1))
    event = await exited(yard, view)
    assert (event.exit_code, event.rank, event.node, event.log_lines) == (0, None, NODE, 1)
    [first], [second] = await yard.console(view, 0), await yard.console(view, 1)
    meeting = first.partition(" at ")[2].partition(" with ")[0]
    folder = first.rpartition(" in ")[2]
    assert first == f"0 of 2 at {meeting} with 0 in {folder}"
    assert second == f"1 of 2 at {meeting} with 1 in {folder}"
    assert meeting.startswith("127.0.0.1:")
    assert await yard.ends(view) == ["exited"]
    assert yard.starts(view) == [1, 1]


@pytest.mark.usefixtures("executor")
async def test_a_run_starts_with_all_of_its_ranks_or_with_none(yard: Yard) -> None:
    holder = await yard.place(WAIT_FOR_GO, devices=(1,))
    await yard.said(holder, "started")
    view = await yard.place("true", ranks=2, devices=(0, 1))
    refused = await yard.said(view, "refused")
    assert isinstance(refused, RunRefused)
    assert (refused.busy, refused.reason.code) == (True, "devices_busy")
    unfit = await yard.place(launch=launch_of(work_path="missing"), ranks=2)
    assert isinstance(await yard.said(unfit, "refused"), RunRefused)
    yard.go()
    await exited(yard, holder)
    assert yard.starts(view, unfit) == [0, 0, 0, 0]


@pytest.mark.usefixtures("executor")
async def test_a_rank_that_ends_well_leaves_the_others_running(yard: Yard) -> None:
    view = await placed(yard, "echo done", f"echo begun; {WAIT_FOR_GO}; echo done")
    await shows(yard, view, 0, "done")
    await shows(yard, view, 1, "begun")
    assert await yard.ends(view) == []
    yard.go()
    assert (await exited(yard, view)).exit_code == 0
    assert await yard.console(view, 1) == ["begun", "done"]


async def test_the_first_rank_that_fails_stops_the_others_and_is_the_reason(
    yard: Yard, executor: ExecutorService
) -> None:
    view = await placed(yard, UNTIL_TOLD, f"{WAIT_FOR_GO}; echo broken; exit 7", UNTIL_TOLD)
    await shows(yard, view, 0, "begun")
    await shows(yard, view, 2, "begun")
    yard.go()
    event = await exited(yard, view)
    assert (event.exit_code, event.rank, event.node) == (7, 1, NODE)
    assert await yard.console(view, 1) == ["broken"]
    assert await yard.console(view, 0) == await yard.console(view, 2) == ["begun", "told"]
    assert event.log_lines == 2
    await gone(executor, view)


async def test_a_stop_ends_all_ranks_and_what_breaks_meanwhile_is_no_failure(
    yard: Yard, executor: ExecutorService
) -> None:
    """The second rank fails for lack of the first one before its own supervisor has looked at the signal."""
    view = await placed(yard, LEAVES, BREAKS)
    await shows(yard, view, 0, "begun")
    await shows(yard, view, 1, "begun")
    with paused(await supervisor_of_the_second(yard, executor, view)):
        await yard.kill(view)
        await until(lambda: yard.wrote("broken"), "the second rank has failed")
    stopped = await yard.said(view, "stopped")
    assert isinstance(stopped, RunStopped)
    assert stopped.forced is False
    assert await yard.facts(view) == ["started", "stopped"]
    await gone(executor, view)


@pytest.mark.usefixtures("executor")
async def test_a_stop_before_the_placement_leaves_a_tombstone_for_all_ranks(yard: Yard) -> None:
    job = yard.job(ranks=3)
    await yard.kill(job.view)
    await yard.said(job.view, "stopped")
    await yard.schedule(job)
    await exited(yard, await yard.place())
    assert yard.starts(job.view) == [0, 0, 0]


# --- killed


async def test_a_rank_whose_process_is_killed_is_the_reason_and_the_others_are_stopped(
    yard: Yard, executor: ExecutorService
) -> None:
    view = await placed(yard, UNTIL_TOLD, "echo $$; exec sleep 600")
    await shows(yard, view, 0, "begun")
    await until(lambda: _console(yard, view, 1), "the second rank has said who it is")
    [pid] = await yard.console(view, 1)
    os.kill(int(pid), signal.SIGKILL)
    event = await exited(yard, view)
    assert (event.rank, event.exit_code, event.signal) == (1, 137, "SIGKILL")
    assert await yard.console(view, 0) == ["begun", "told"]
    await gone(executor, view)


async def _console(yard: Yard, view: JobView, rank: int) -> bool:
    return bool(await yard.console(view, rank))


async def test_a_rank_whose_supervisor_is_killed_is_lost_and_the_run_with_it(
    yard: Yard, executor: ExecutorService
) -> None:
    view = await placed(yard, UNTIL_TOLD, "echo begun; exec sleep 600")
    await shows(yard, view, 0, "begun")
    await shows(yard, view, 1, "begun")
    os.kill(await supervisor_of_the_second(yard, executor, view), signal.SIGKILL)
    lost = await yard.said(view, "lost")
    assert isinstance(lost, RunLost)
    assert (lost.reason.code, lost.reason.details) == ("supervisor_gone", {"rank": 1, "node": NODE})
    assert lost.reason.message.startswith(f"Rank 1 on node {NODE}: The run's supervisor was killed")
    assert await yard.console(view, 0) == ["begun", "told"]
    assert (lost.log_lines, await yard.facts(view)) == (2, ["started", "lost"])
    await gone(executor, view)


async def test_a_kill_while_ranks_start_leaves_each_with_one_start(yard: Yard, executor: ExecutorService) -> None:
    await executor.ready()
    job = yard.job("echo $RANK", ranks=16)
    await yard.schedule(job)
    await at_once(lambda: list(executor.home.home.glob("runs/*.run")))
    executor.kill()
    executor.home.kill_spawner()
    executor.start()
    event = await exited(yard, job.view)
    assert (event.exit_code, event.log_lines) == (0, 1)
    assert yard.starts(job.view) == [1] * 16
    assert [await yard.console(job.view, rank) for rank in range(16)] == [[str(rank)] for rank in range(16)]
    assert await yard.ends(job.view) == ["exited"]


async def test_a_launch_that_never_came_to_its_spawner_is_repeated_for_all_ranks(
    yard: Yard, executor: ExecutorService
) -> None:
    await executor.ready()
    with paused(executor.home.spawner()):
        view = await yard.place(ranks=2)
        await until(lambda: executor.said("run_accepted"), "the record is stored")
        executor.kill()
        executor.home.kill_spawner()
    executor.start()
    await exited(yard, view)
    assert len(executor.said("launch_repeated")) == 1
    assert yard.starts(view) == [1, 1]


async def test_who_failed_first_is_the_reason_also_when_the_executor_is_killed_before_the_others_have_ended(
    yard: Yard, executor: ExecutorService
) -> None:
    slow = f"trap 'touch told; {WAIT_FOR_GO}; exit 9' TERM; echo begun; while :; do sleep 0.02; done"
    view = await placed(yard, slow, "while [ ! -e fail ]; do sleep 0.02; done; exit 3")
    await shows(yard, view, 0, "begun")
    yard.touch("fail")
    await until(lambda: executor.said("run_ends"), "it is decided who began the end")
    executor.kill()
    executor.start()
    await until(lambda: executor.said("runs_found"), "the run is found again")
    yard.go()
    event = await exited(yard, view)
    assert (event.exit_code, event.rank) == (3, 1)
    assert await yard.facts(view) == ["started", "exited"]


async def test_what_fails_while_no_executor_is_there_ends_the_run_once_there_is_one(
    yard: Yard, executor: ExecutorService
) -> None:
    view = await placed(yard, UNTIL_TOLD, f"{WAIT_FOR_GO}; exit 5")
    await shows(yard, view, 0, "begun")
    executor.kill()
    yard.go()
    await until(lambda: len(executor.home.supervisors()) == 1, "the second rank has ended")
    executor.start()
    event = await exited(yard, view)
    assert (event.exit_code, event.rank) == (5, 1)
    assert await yard.console(view, 0) == ["begun", "told"]


async def test_a_pause_is_one_for_the_next_executor_too(yard: Yard, executor: ExecutorService) -> None:
    view = await placed(yard, LEAVES, BREAKS)
    await shows(yard, view, 0, "begun")
    await shows(yard, view, 1, "begun")
    with paused(await supervisor_of_the_second(yard, executor, view)):
        await yard.kill(view)
        await until(lambda: yard.wrote("broken"), "the second rank has failed")
        executor.kill()
    executor.start()
    assert isinstance(await yard.said(view, "stopped"), RunStopped)
    assert await yard.facts(view) == ["started", "stopped"]


async def test_the_lines_of_each_rank_keep_their_numbers_whenever_the_executor_is_killed(
    yard: Yard, executor: ExecutorService
) -> None:
    """`console` asserts that no number is missing, and that none stands for two lines."""
    script = "for i in $(seq 40); do seq 50; sleep 0.05; done"
    view = await placed(yard, script, script, script)
    for lines in (100, 500, 1000):
        await until(lambda lines=lines: _wrote(yard, view, lines), "there are more lines")  # type: ignore[misc]
        executor.kill()
        executor.start()
    event = await exited(yard, view)
    assert (event.exit_code, event.log_lines) == (0, 2000)
    expected = [str(number) for number in range(1, 51)] * 40
    assert [await yard.console(view, rank) for rank in range(3)] == [expected] * 3


async def _wrote(yard: Yard, view: JobView, lines: int) -> bool:
    return all([len(await yard.console(view, rank)) >= lines for rank in range(view.nodes)])


# --- what is known of each


@pytest.mark.usefixtures("executor")
async def test_the_next_attempt_is_numbered_after_the_rank_that_wrote_the_most(yard: Yard) -> None:
    job = yard.job("seq $((RANK * 3 + 1))", ranks=2)
    await yard.schedule(job)
    first = await exited(yard, job.view)
    assert first.log_lines == 4
    state = job.view.state.model_copy(update={"attempt": 2, "log_lines": first.log_lines})
    again = job.model_copy(update={"view": job.view.model_copy(update={"state": state, "version": 9})})
    yard.active[job.view.id] = again
    await yard.schedule(again)
    await until(lambda: _have_exited(yard, job.view), "both attempts have ended")
    assert await yard.console(job.view, 1) == ["1", "2", "3", "4"] * 2


async def _have_exited(yard: Yard, view: JobView) -> bool:
    return await yard.ends(view) == ["exited"] * 2


@pytest.mark.usefixtures("executor")
async def test_the_whole_output_of_each_rank_is_there_for_download_and_of_a_rank_that_is_not_there_is_none(
    yard: Yard,
) -> None:
    view = await yard.place("echo I am rank $RANK", ranks=2)
    await exited(yard, view)

    async def whole(rank: int) -> str:
        ask = ReadLog(job_id=view.id, attempt=1, rank=rank)
        return (await yard.bus.ask(READ_LOG.at(NODE), ask)).text

    assert [await whole(rank) for rank in range(3)] == ["I am rank 0\n", "I am rank 1\n", ""]
    yard.now(view, JobStatus.FINISHED)
    await yard.over(view)
    assert await whole(1) == "I am rank 1\n"


@pytest.mark.usefixtures("executor")
async def test_one_comes_into_the_rank_that_one_asks_for(yard: Yard) -> None:
    view = await placed(yard, WAIT_FOR_GO, WAIT_FOR_GO)
    streams = Streams(yard.bus, 20)
    for rank in (0, 1):
        process = await streams.start(RunAt(view.id, 1, NODE, rank), Child(argv=("/bin/sh", "-c", "echo $RANK")))
        assert await drained(process, "stdout") == f"{rank}\n".encode()
        close(process)
    with pytest.raises(Conflict) as refusal:
        await streams.dial(RunAt(view.id, 1, NODE, 2), 18_000)
    assert refusal.value.details["code"] == "run_not_running"


@pytest.mark.usefixtures("executor")
async def test_each_rank_is_sampled_and_reports_for_itself_and_the_run_has_used_what_all_of_them_have(
    yard: Yard,
) -> None:
    report = """echo "{\\"loss\\": $RANK}" >> $JOBYARD_METRICS_FILE"""
    view = await yard.place(f"{report}; {WAIT_FOR_GO}", ranks=2, devices=(0, 1))

    async def sampled() -> bool:
        return {sample.rank for sample in await yard.samples(view) if sample.reported} == {0, 1}

    await until(sampled, "both ranks are sampled")
    yard.go()
    event = await exited(yard, view)
    reported = {sample.rank: sample.reported["loss"] for sample in await yard.samples(view) if sample.reported}
    assert reported == {0: 0.0, 1: 1.0}
    usage = event.usage
    assert usage is not None
    assert usage.reported == {"loss": 0.0}
    assert usage.device_seconds == pytest.approx(2 * usage.seconds, rel=0.5)


async def test_ranks_on_npus_read_one_table_that_says_which_are_whose(
    nats: NatsServer, tmp_path: Path, yard: Yard
) -> None:
    with ExecutorService(nats.url, tmp_path / "data", simulate="ascend910=4"):
        view = await yard.place(
            launch=launch_of('cat "$RANK_TABLE_FILE" > "seen-$RANK"'),
            device_type="ascend910",
            devices=(0, 1, 2, 3),
            ranks=2,
        )
        exited = await yard.said(view, "exited")
    assert isinstance(exited, RunExited) and exited.exit_code == 0
    job = tmp_path / "data" / "storage" / "jobs" / view.id
    first, second = (json.loads((job / f"seen-{rank}").read_text()) for rank in range(2))
    assert first == second
    (server,) = first["server_list"]
    assert [(one["device_id"], one["rank_id"]) for one in server["device"]] == [(str(n), str(n)) for n in range(4)]
