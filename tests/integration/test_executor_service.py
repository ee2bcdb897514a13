"""The executor on a real nats-server with real processes, killed at any moment: each run starts once, none is lost."""

import asyncio
import os
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from nats.aio.msg import Msg
from nats.js.errors import KeyNotFoundError

from services.executor.backends.process.linux import boot_id
from shared.bus.bus import Bus
from shared.contracts import subjects
from shared.contracts.commands.jobs import ActiveJob
from shared.contracts.commands.logs import READ_LOG, ReadLog
from shared.contracts.errors import NotFound
from shared.contracts.events import NodeReported, RunExited, RunLost, RunRefused, RunStarted, RunStopped
from shared.contracts.job import JobStatus, JobView
from tests.support.executor import NODE, launch_of
from tests.support.executor_service import ExecutorService, Yard, at_once, paused
from tests.support.nats import NatsServer
from tests.support.waiting import until

WAIT_FOR_GO = Yard.WAIT_FOR_GO


async def settled(yard: Yard) -> None:
    """Everything that was said before has been handled: a later job has run."""
    await yard.said(await yard.place(), "exited")


async def compared(yard: Yard) -> None:
    """What the node does has been compared with a list that was asked for after this call, and the next list begun."""
    before = yard.lists
    await until(lambda: yard.lists >= before + 3, "the node has compared")


async def exited(yard: Yard, view: JobView) -> RunExited:
    event = await yard.said(view, "exited")
    assert isinstance(event, RunExited)
    return event


# --- once


@pytest.mark.usefixtures("executor")
async def test_a_placement_delivered_again_and_again_starts_one_run(yard: Yard) -> None:
    job = yard.job(f"echo hello; {WAIT_FOR_GO}")
    for delivery in range(3):
        await yard.schedule(job, delivery)
    await yard.said(job.view, "started")
    yard.go()
    event = await exited(yard, job.view)
    assert (event.exit_code, event.log_lines, event.node) == (0, 1, NODE)
    await yard.schedule(job, delivery=4)
    await settled(yard)
    await yard.over(job.view)
    await settled(yard)
    await yard.schedule(job, delivery=5)
    await settled(yard)
    assert yard.starts(job.view) == [1]
    assert await yard.facts(job.view) == ["started", "exited"]
    assert await yard.console(job.view) == ["hello"]


@pytest.mark.usefixtures("executor")
async def test_a_placement_on_another_node_is_not_ours(yard: Yard) -> None:
    view = await yard.place(node="node-2")
    await settled(yard)
    assert (yard.starts(view), await yard.facts(view)) == ([0], [])


@pytest.mark.usefixtures("executor")
async def test_a_kill_that_arrives_before_the_placement_wins(yard: Yard) -> None:
    job = yard.job()
    await yard.kill(job.view)
    stopped = await yard.said(job.view, "stopped")
    assert isinstance(stopped, RunStopped)
    assert (stopped.started_at, stopped.exit_code) == (None, None)
    await yard.schedule(job)
    await settled(yard)
    assert yard.starts(job.view) == [0]
    assert await yard.facts(job.view) == ["stopped"]


@pytest.mark.usefixtures("executor")
async def test_a_kill_stops_the_run_and_says_so(yard: Yard) -> None:
    view = await yard.place("trap 'echo saved; exit 0' TERM; echo yes > listens; while :; do sleep 0.02; done")
    await yard.said(view, "started")
    await until(lambda: yard.wrote("listens"), "its script waits for the signal")
    await yard.kill(view)
    stopped = await yard.said(view, "stopped")
    assert isinstance(stopped, RunStopped)
    assert (stopped.exit_code, stopped.forced, stopped.log_lines) == (0, False, 1)
    assert await yard.console(view) == ["saved"]
    assert await yard.facts(view) == ["started", "stopped"]


@pytest.mark.usefixtures("executor")
async def test_line_numbers_go_on_from_the_attempt_before(yard: Yard) -> None:
    job = yard.job("echo attempt $JOBYARD_ATTEMPT resume $JOBYARD_RESUME")
    await yard.schedule(job)
    first = await exited(yard, job.view)
    state = job.view.state.model_copy(update={"attempt": 2, "log_lines": first.log_lines})
    again = job.model_copy(update={"view": job.view.model_copy(update={"state": state, "version": 9})})
    yard.active[job.view.id] = again
    await yard.schedule(again)
    await until(lambda: _have_exited(yard, job.view, 2), "both attempts have ended")
    assert await yard.console(job.view) == ["attempt 1 resume", "attempt 2 resume 1"]


async def _have_exited(yard: Yard, view: JobView, times: int) -> bool:
    return await yard.ends(view) == ["exited"] * times


# --- kill -9


@pytest.mark.parametrize("how", ["killed", "stopped"])
async def test_a_run_that_ends_while_the_executor_is_away_is_told_once_with_all_of_its_output(
    yard: Yard, executor: ExecutorService, how: str
) -> None:
    view = await yard.place(f"seq 1 3000; {WAIT_FOR_GO}; seq 3001 5000; printf half; exit 3")
    await until(lambda: _shows(yard, view, 3000), "its first lines are there")
    if how == "killed":
        executor.kill()
    else:
        assert executor.stop() == 0
    yard.go()
    await until(lambda: executor.home.supervisors() == [], "the run has ended")
    executor.start()
    event = await exited(yard, view)
    assert (event.exit_code, event.log_lines) == (3, 5001)
    assert await yard.console(view) == [*map(str, range(1, 5001)), "half"]
    await settled(yard)
    assert await yard.facts(view) == ["started", "exited"]
    assert yard.starts(view) == [1]


async def test_a_run_goes_on_under_the_next_executor(yard: Yard, executor: ExecutorService) -> None:
    view = await yard.place(f"for i in 1 2 3; do seq 1000; done; {WAIT_FOR_GO}; echo end; exit 4")
    for _ in range(2):
        await until(lambda: _shows(yard, view, 3000), "its first lines are there")
        executor.kill()
        executor.start()
    await until(lambda: executor.said("runs_found"), "it is found again")
    yard.go()
    event = await exited(yard, view)
    assert (event.exit_code, event.log_lines) == (4, 3001)
    assert len(await yard.console(view)) == 3001
    assert await yard.facts(view) == ["started", "exited"]
    assert yard.starts(view) == [1]


async def _shows(yard: Yard, view: JobView, lines: int) -> bool:
    return len(await yard.console(view)) == lines


@pytest.mark.parametrize("moment", ["first mark", "first line of a script", "first fact"])
async def test_a_kill_in_mid_launch_leaves_each_run_with_one_start(
    yard: Yard, executor: ExecutorService, moment: str
) -> None:
    await executor.ready()
    told: list[str] = []

    async def hear(message: Msg) -> None:
        told.append(message.subject)

    await yard.bus.nats.subscribe("evt.run.started.>", cb=hear)
    jobs = [yard.job(f"echo {number}") for number in range(12)]
    views = [job.view for job in jobs]
    seen: Callable[[], object] = {
        "first mark": lambda: list(executor.home.home.glob("runs/*.run")),
        "first line of a script": lambda: any(yard.starts(*views)),
        "first fact": lambda: told,
    }[moment]
    placing = asyncio.gather(*(yard.schedule(job) for job in jobs))
    await at_once(seen)
    executor.kill()
    await placing
    executor.start()
    for number, view in enumerate(views):
        event = await exited(yard, view)
        assert event.started_at is not None, "a start that nobody was told of is told with the end"
        assert await yard.ends(view) == ["exited"]
        assert await yard.console(view) == [str(number)]
    assert yard.starts(*views) == [1] * len(views)


async def test_a_launch_that_never_came_to_its_spawner_is_repeated_within_the_attempt(
    yard: Yard, executor: ExecutorService
) -> None:
    await executor.ready()
    with paused(executor.home.spawner()):
        views = [await yard.place() for _ in range(3)]
        await until(lambda: len(executor.said("run_accepted")) == 3, "the records are stored")
        executor.kill()
        executor.home.kill_spawner()
    executor.start()
    for view in views:
        await exited(yard, view)
    assert len(executor.said("launch_repeated")) == 3
    assert yard.starts(*views) == [1] * 3


async def test_what_the_spawner_reads_after_the_executors_death_is_started_all_the_same(
    yard: Yard, executor: ExecutorService
) -> None:
    await executor.ready()
    with paused(executor.home.spawner()):
        views = [await yard.place() for _ in range(3)]
        await until(lambda: len(executor.said("run_accepted")) == 3, "the records are stored")
        executor.kill()
    await until(lambda: yard.starts(*views) == [1] * 3, "they run without an executor")
    executor.start()
    for view in views:
        await exited(yard, view)
    await settled(yard)
    assert yard.starts(*views) == [1] * 3


async def test_an_answer_that_was_only_stored_is_given_by_the_next_executor(
    yard: Yard, executor: ExecutorService
) -> None:
    await executor.ready()
    killed = yard.job()
    await yard.kill(killed.view)
    unfit = await yard.place(launch=launch_of(work_path="missing"))
    await at_once(lambda: executor.said("run_refused") and executor.said("run_buried"))
    executor.kill()
    executor.start()
    assert isinstance(await yard.said(unfit, "refused"), RunRefused)
    assert isinstance(await yard.said(killed.view, "stopped"), RunStopped)


async def test_a_run_whose_supervisor_is_killed_is_lost(yard: Yard, executor: ExecutorService) -> None:
    view = await yard.place("echo begun; sleep 600")
    started = await yard.said(view, "started")
    assert isinstance(started, RunStarted) and started.pid is not None
    await until(lambda: _shows(yard, view, 1), "its line is there")
    os.kill(started.pid, signal.SIGKILL)
    lost = await yard.said(view, "lost")
    assert isinstance(lost, RunLost)
    assert (lost.reason.code, lost.log_lines) == ("supervisor_gone", 1)
    assert executor.home.supervisors() == []


# --- refusals


@pytest.mark.usefixtures("executor")
async def test_devices_that_another_run_holds_are_refused_until_it_has_ended(yard: Yard) -> None:
    holder = await yard.place(f"echo $CUDA_VISIBLE_DEVICES; {WAIT_FOR_GO}", devices=(0, 1))
    await yard.said(holder, "started")
    late = await yard.place(devices=(1,))
    refused = await yard.said(late, "refused")
    assert isinstance(refused, RunRefused)
    assert (refused.busy, refused.reason.code, refused.reason.details) == (True, "devices_busy", {"devices": [1]})
    assert yard.starts(late) == [0]
    yard.go()
    await exited(yard, holder)
    assert await yard.console(holder) == ["0,1"]
    assert (await exited(yard, await yard.place(devices=(1,)))).exit_code == 0


@pytest.mark.usefixtures("executor")
async def test_too_many_processors_are_refused_for_now(yard: Yard) -> None:
    refused = await yard.said(await yard.place(cpus=4096.0), "refused")
    assert isinstance(refused, RunRefused)
    assert (refused.busy, refused.reason.code) == (True, "cpus_busy")
    assert "the job asks for 4096" in refused.reason.message


@pytest.mark.usefixtures("executor")
async def test_a_missing_work_path_is_refused_for_good_with_a_sentence(yard: Yard) -> None:
    view = await yard.place(launch=launch_of(work_path="no/such/folder"))
    refused = await yard.said(view, "refused")
    assert isinstance(refused, RunRefused)
    assert (refused.busy, refused.reason.code) == (False, "work_path_missing")
    assert refused.reason.message.startswith("The work_path ")
    assert "/no/such/folder does not exist on this node." in refused.reason.message
    await settled(yard)
    assert await yard.facts(view) == ["refused"]


# --- the console


@pytest.mark.usefixtures("executor")
async def test_a_run_has_exited_only_when_all_of_its_lines_are_stored(yard: Yard) -> None:
    told = await yard.bus.nats.subscribe("evt.run.exited.>")
    view = await yard.place("seq 1 60000; printf half")
    await told.next_msg(timeout=60)
    assert await yard.console(view) == [*map(str, range(1, 60_001)), "half"]


@pytest.mark.usefixtures("executor")
async def test_a_broker_killed_in_mid_run_costs_no_line_and_no_fact(yard: Yard, nats: NatsServer) -> None:
    count = "i=0; while [ ! -e go ]; do i=$((i + 1)); echo $i; [ $((i % 50)) = 0 ] && sleep 0.01; done; echo $i > count"
    view = await yard.place(count)
    for lines in (200, 400):
        await until(lambda lines=lines: _shows_more(yard, view, lines), "lines arrive")  # type: ignore[misc]
        await asyncio.to_thread(nats.restart)
        await until(lambda: yard.bus.connected, "connected again")
    nats.kill()
    yard.go()
    meanwhile = yard.job()
    await until(lambda: yard.wrote("count"), "it ends while nobody listens")
    await asyncio.to_thread(nats.start)
    written = int(yard.wrote("count"))
    assert (await exited(yard, view)).log_lines == written
    assert await yard.console(view) == [str(number) for number in range(1, written + 1)]
    assert await yard.facts(view) == ["started", "exited"]
    await exited(yard, meanwhile.view)


async def _shows_more(yard: Yard, view: JobView, lines: int) -> bool:
    return len(await yard.console(view)) > lines


@pytest.mark.usefixtures("executor")
async def test_the_whole_output_is_for_download_also_after_the_end(yard: Yard) -> None:
    view = await yard.place("seq 1 50000; printf half")
    await exited(yard, view)
    written = "".join(f"{number}\n" for number in range(1, 50_001)) + "half\n"
    assert await _download(yard.bus, view) == written
    await yard.over(view)
    await settled(yard)
    assert await _download(yard.bus, view) == written
    with pytest.raises(NotFound):
        await yard.bus.ask(READ_LOG.at(NODE), ReadLog(job_id=view.id, attempt=2))


async def _download(bus: Bus, view: JobView) -> str:
    text, offset, end = "", 0, False
    while not end:
        piece = await bus.ask(READ_LOG.at(NODE), ReadLog(job_id=view.id, attempt=1, offset=offset))
        text, offset, end = text + piece.text, piece.next_offset, piece.end
    return text


# --- repairs


@pytest.mark.usefixtures("executor")
async def test_a_missed_placement_and_a_missed_kill_are_made_up_for(yard: Yard) -> None:
    job = yard.job("sleep 600")
    await yard.said(job.view, "started")
    yard.now(job.view, JobStatus.KILLING)
    await yard.said(job.view, "stopped")
    assert await yard.facts(job.view) == ["started", "stopped"]


@pytest.mark.usefixtures("executor")
async def test_a_run_that_this_node_has_never_heard_of_is_lost(yard: Yard) -> None:
    job = yard.job(status=JobStatus.RUNNING)
    lost = await yard.said(job.view, "lost")
    assert isinstance(lost, RunLost)
    assert lost.reason.code == "record_lost"
    await yard.schedule(job)
    await settled(yard)
    assert yard.starts(job.view) == [0]


@pytest.mark.parametrize("wanted", [True, False], ids=["wanted", "not wanted any more"])
async def test_an_executor_that_has_lost_its_disk_ends_what_it_has_left_before_it_says_a_word(
    yard: Yard, executor: ExecutorService, wanted: bool
) -> None:
    view = await yard.place("trap 'echo saved >> saved; exit 0' TERM; echo >> begun; while :; do sleep 0.05; done")
    await yard.said(view, "started")
    await until(lambda: yard.wrote("begun"), "it has begun")
    await until(executor.home.supervisors, "its supervisor is back from the job's folder, and needs its own no more")
    yard.now(view, JobStatus.RUNNING if wanted else JobStatus.FINISHED)
    yard.overlooked |= set() if wanted else {view.id}
    executor.kill()
    for folder in ("executor", "documents"):
        shutil.rmtree(executor.data / folder)
    executor.start()
    if wanted:
        lost = await yard.said(view, "lost")
        assert isinstance(lost, RunLost)
        assert lost.reason.code == "record_lost"
    else:
        await until(lambda: not executor.home.supervisors(), "it is ended")
        assert await yard.facts(view) == ["started"]
    assert not executor.home.supervisors()
    assert (yard.wrote("saved"), yard.starts(view)) == ("saved\n", [1])


async def test_a_run_that_nobody_wants_any_more_is_ended(yard: Yard, executor: ExecutorService) -> None:
    view = await yard.place("sleep 600")
    await yard.said(view, "started")
    del yard.active[view.id]
    await until(lambda: executor.said("run_unwanted") and not executor.home.supervisors(), "it is ended")


@pytest.mark.usefixtures("executor")
async def test_a_run_whose_job_a_list_has_overlooked_goes_on_and_is_told_to_its_end(yard: Yard) -> None:
    view = await yard.place(Yard.WAIT_FOR_GO)
    await yard.said(view, "started")
    yard.now(view, JobStatus.RUNNING)
    yard.overlooked.add(view.id)
    await compared(yard)
    yard.go()
    assert (await exited(yard, view)).exit_code == 0
    await compared(yard)
    assert await yard.facts(view) == ["started", "exited"]


async def test_a_run_of_an_attempt_that_is_over_is_ended_though_its_job_holds_the_node_again(
    yard: Yard, executor: ExecutorService
) -> None:
    view = await yard.place("sleep 600")
    await yard.said(view, "started")
    again = yard.now(view, JobStatus.RUNNING)
    state = again.state.model_copy(update={"attempt": view.state.attempt + 1})
    yard.active[view.id] = ActiveJob(view=again.model_copy(update={"state": state}))
    yard.overlooked.add(view.id)
    await until(lambda: executor.said("run_unwanted") and not executor.home.supervisors(), "it is ended")


async def test_a_restart_does_not_bring_back_what_is_over(yard: Yard, executor: ExecutorService) -> None:
    view = await yard.place("echo hello", devices=(0, 1))
    await exited(yard, view)
    await yard.over(view)
    kept = executor.data / "executor" / "outputs" / f"{view.id}.1.output"
    await until(kept.exists, "its output is put away")
    executor.kill()
    await yard.silent()
    executor.start()
    await until(lambda: len(executor.said("ready")) == 2, "the next one works")
    assert (await exited(yard, await yard.place(devices=(0, 1)))).exit_code == 0, "it does not hold its devices"
    await yard.answer()
    await settled(yard)
    assert await yard.ends(view) == ["exited"]


@pytest.mark.usefixtures("executor")
async def test_an_old_placement_is_carried_out_only_if_it_still_holds(yard: Yard) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    stale, holds = yard.job(node="node-1"), yard.job(node="node-1")
    del yard.active[stale.view.id]
    await yard.schedule(stale, at=yesterday)
    await yard.schedule(holds, at=yesterday)
    await exited(yard, holds.view)
    await settled(yard)
    assert yard.starts(stale.view, holds.view) == [0, 1]


async def test_a_node_that_was_forgotten_and_set_up_anew_starts_nothing_once_more(
    yard: Yard, executor: ExecutorService
) -> None:
    ended, killed, elsewhere = await yard.place(), await yard.place(), await yard.place()
    for view in (ended, killed, elsewhere):
        await exited(yard, view)
    await yard.kill(killed)
    await yard.over(killed)
    for view in (ended, elsewhere):
        del yard.active[view.id]
    executor.kill()
    shutil.rmtree(executor.data)
    assert await yard.bus.js.delete_consumer(subjects.EVENTS, f"{subjects.EXECUTORS}-{NODE}")
    fresh = yard.job()
    await yard.schedule(fresh)
    executor.start()
    await exited(yard, fresh.view)
    await settled(yard)
    assert yard.starts(ended, killed, elsewhere, fresh.view) == [1, 1, 1, 1]


# --- the node


@pytest.mark.usefixtures("executor")
async def test_a_node_reports_what_it_has_and_that_it_lives(yard: Yard) -> None:
    bucket = await yard.bus.js.key_value(subjects.NODES)
    reports: list[NodeReported] = []

    async def renewed() -> bool:
        with suppress(KeyNotFoundError):
            entry = await bucket.get(NODE)
            reports.append(NodeReported.model_validate_json(entry.value or b""))
        return len({report.reported_at for report in reports}) >= 2

    await until(renewed, "the sign of life is renewed")
    report = reports[0]
    assert (report.node, report.devices, report.simulated) == (NODE, {"v100": 2}, ("v100",))
    assert (report.cpus, report.memory_mib > 0) == (os.cpu_count(), True)
    assert report.boot_id == boot_id()
    message = await yard.bus.js.get_last_msg(subjects.EVENTS, subjects.node_event(report))
    assert message.data is not None and b"io.jobyard.node.reported.v1" in message.data
