"""What only the backend `process` can get into: supervisors that are killed, pids used again, a machine restarted."""

import asyncio
import os
import resource
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from services.executor.backends.frames import LOSS, LOST, STDOUT, split
from services.executor.backends.process import linux
from services.executor.backends.process.backend import ProcessBackend
from services.executor.domain.observation import Cancelled, Ended, Lost, Started
from shared.contracts.errors import Conflict, Unavailable
from shared.contracts.streams import Child
from shared.ids import new_id
from shared.streams.files import beside
from tests.support.executor_backend import Bench, ProcessHome, processes_of
from tests.support.freezing import freeze
from tests.support.streams import Held
from tests.support.waiting import until


@pytest.fixture
def home(tmp_path: Path) -> Iterator[ProcessHome]:
    (tmp_path / "home").mkdir()
    home = ProcessHome(tmp_path / "home")
    yield home
    home.kill_all()


@pytest.fixture
async def bench(home: ProcessHome, tmp_path: Path) -> AsyncIterator[Bench]:
    (tmp_path / "work").mkdir()
    bench = Bench(lambda: ProcessBackend(home.home, idle_s=5), tmp_path / "work")
    await bench.open()
    yield bench
    await bench.close()
    bench.end_everything()


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with any run."""
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


async def supervisor_of(bench: Bench, run_id: str) -> int:
    pid = (await bench.reaches(run_id, Started)).pid
    assert pid is not None
    return pid


HIDES = "(setsid setsid sleep 600 &) ; sleep 600 & trap '' TERM"


async def test_a_run_whose_supervisor_is_killed_is_lost_and_nothing_of_it_stays(bench: Bench) -> None:
    id = await bench.runs(HIDES)
    assert len(processes_of(id)) >= 3
    os.kill(await supervisor_of(bench, id), signal.SIGKILL)
    await until(lambda: isinstance(bench.told[id][-1], Lost), "it is told without being asked for")
    lost = await bench.seen(id)
    assert isinstance(lost, Lost) and lost.reason.code == "supervisor_gone"
    assert processes_of(id) == []


async def test_a_supervisor_killed_while_nobody_was_connected_is_noticed_at_the_next_start(bench: Bench) -> None:
    id = await bench.runs(HIDES)
    pid = await supervisor_of(bench, id)
    await bench.close()
    os.kill(pid, signal.SIGKILL)
    await bench.open()
    await bench.reaches(id, Lost)
    assert processes_of(id) == []


async def test_only_the_lost_run_is_swept(bench: Bench) -> None:
    first, second = await bench.runs(), await bench.runs()
    os.kill(await supervisor_of(bench, first), signal.SIGKILL)
    await bench.reaches(first, Lost)
    bench.go()
    assert (await bench.ended(second)).exit_code == 0


async def test_a_lost_run_is_not_launched_again(bench: Bench) -> None:
    order = bench.order(f"echo started >> ledger; {bench.WAIT_FOR_GO}")
    await bench.backend.launch([order])
    await until(lambda: bench.lines("ledger"), "it runs")
    os.kill(await supervisor_of(bench, order.run_id), signal.SIGKILL)
    await bench.reaches(order.run_id, Lost)
    await bench.backend.launch([order])
    await bench.ended(await bench.launch("true"))
    await bench.reaches(order.run_id, Lost)
    assert bench.lines("ledger") == ["started"]


async def test_somebody_elses_sigterm_is_no_stop_of_ours(bench: Bench) -> None:
    id = await bench.runs()
    os.kill(await supervisor_of(bench, id), signal.SIGTERM)
    lost = await bench.reaches(id, Lost)
    assert lost.reason.code == "stopped_from_outside"
    assert processes_of(id) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGTSTP])
async def test_a_signal_to_the_whole_terminal_does_not_reach_a_supervisor(bench: Bench, number: signal.Signals) -> None:
    id = await bench.runs()
    os.kill(await supervisor_of(bench, id), number)
    bench.go()
    assert (await bench.ended(id)).exit_code == 0


# --- the warm parent


async def test_runs_survive_a_killed_spawner_and_new_ones_start(bench: Bench, home: ProcessHome) -> None:
    before = await bench.runs()
    old = home.spawner()
    home.kill_spawner()
    after = await bench.runs()
    assert home.spawner() != old
    bench.go()
    assert (await bench.ended(before)).exit_code == 0
    assert (await bench.ended(after)).exit_code == 0


async def test_what_a_killed_spawner_had_not_read_is_started_by_the_next(bench: Bench, home: ProcessHome) -> None:
    freeze(home.spawner())
    orders = [bench.order("echo started >> ledger") for _ in range(3)]
    await bench.backend.launch(orders)
    home.kill_spawner()
    for order in orders:
        await bench.ended(order.run_id)
    assert bench.lines("ledger") == ["started"] * 3


async def test_what_a_killed_spawner_had_started_is_not_started_again(bench: Bench, home: ProcessHome) -> None:
    order = bench.order(f"echo started >> ledger; {bench.WAIT_FOR_GO}")
    await bench.backend.launch([order])
    home.kill_spawner()
    await bench.reaches(order.run_id, Started)
    await bench.ended(await bench.launch("true"))
    bench.go()
    await bench.ended(order.run_id)
    assert bench.lines("ledger") == ["started"]


async def test_the_next_executor_finds_the_spawner_of_the_one_before(bench: Bench, home: ProcessHome) -> None:
    pid = home.spawner()
    await bench.reopen()
    await bench.ended(await bench.launch("true"))
    assert home.spawner() == pid


async def test_without_an_executor_the_spawner_ends_and_the_runs_do_not(home: ProcessHome, tmp_path: Path) -> None:
    bench = Bench(lambda: ProcessBackend(home.home, idle_s=0.2), tmp_path)
    await bench.open()
    id = await bench.runs()
    pid = home.spawner()
    await bench.close()
    await until(lambda: not psutil.pid_exists(pid), "the spawner has ended")
    bench.go()
    await bench.open()
    assert (await bench.ended(id)).exit_code == 0
    await bench.close()


async def test_an_executor_in_a_deep_folder_finds_its_spawner(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-long-name-of-a-folder"] * 6)
    deep.mkdir(parents=True)
    bench = Bench(lambda: ProcessBackend(deep, idle_s=5), tmp_path)
    await bench.open()
    assert (await bench.ended(await bench.launch("exit 3"))).exit_code == 3
    await bench.close()
    ProcessHome(deep).kill_all()


# --- who is who


async def test_a_process_with_a_dead_supervisors_pid_is_not_taken_for_it(
    bench: Bench, home: ProcessHome, stranger: subprocess.Popen[bytes]
) -> None:
    ticks = linux.start_time(stranger.pid)
    assert ticks is not None
    ids = [f"{new_id()}.1" for _ in range(2)]
    for id, start in zip(ids, (ticks - 1, ticks), strict=True):
        home.mark(id, pid=stranger.pid, boot_id=linux.boot_id(), start_time=start, started_at=17)
    recycled, itself = ids
    lost = await bench.seen(recycled)
    assert isinstance(lost, Lost) and lost.reason.code == "supervisor_gone"
    assert await bench.seen(itself) == Started(17, stranger.pid), "with the right start time it is"
    await bench.backend.stop(recycled)
    assert stranger.poll() is None
    await bench.backend.stop(itself)
    assert stranger.wait(60) == -signal.SIGTERM, "only the right one is told"


async def test_after_a_restart_of_the_machine_the_run_is_lost_and_nobody_is_signalled(
    bench: Bench, home: ProcessHome, stranger: subprocess.Popen[bytes]
) -> None:
    id = f"{new_id()}.1"
    ticks = linux.start_time(stranger.pid)
    home.mark(id, pid=stranger.pid, boot_id="another", start_time=ticks, started_at=17)
    lost = await bench.seen(id)
    assert isinstance(lost, Lost) and lost.reason.code == "node_restarted"
    await bench.backend.stop(id)
    assert stranger.poll() is None
    order = bench.order("echo started >> ledger", run_id=id)
    await bench.backend.launch([order])
    await bench.ended(await bench.launch("true"))
    assert bench.lines("ledger") == []


async def test_a_run_that_ended_before_the_restart_of_the_machine_has_ended(bench: Bench, home: ProcessHome) -> None:
    id = await bench.launch("exit 4")
    await bench.ended(id)
    mark = home.home / "runs" / f"{id}.run"
    mark.write_text(mark.read_text().replace(linux.boot_id(), "another"))
    await bench.reopen()
    assert (await bench.ended(id)).exit_code == 4


async def test_a_mark_that_a_power_cut_left_half_written_says_nothing(bench: Bench, home: ProcessHome) -> None:
    id = await bench.launch("exit 4")
    await bench.ended(id)
    mark = home.home / "runs" / f"{id}.run"
    start, _, end = mark.read_text().partition("\n.\n")
    mark.write_text(f"{start}\n.\n{end[:20]}")
    await bench.reopen()
    await bench.reaches(id, Lost)


# --- files


async def test_nothing_is_kept_of_a_forgotten_run_or_a_tombstone(bench: Bench, home: ProcessHome) -> None:
    ended = await bench.launch("echo hello")
    await bench.ended(ended)
    stopped = await bench.runs()
    await bench.backend.stop(stopped)
    await bench.reaches(stopped, Ended)
    never = f"{new_id()}.1"
    await bench.backend.stop(never)
    assert isinstance(await bench.seen(never), Cancelled)
    assert home.files(ended) == {".run", ".output"}
    assert home.files(stopped) == {".run", ".stop"}
    await bench.backend.forget([ended, stopped, never])
    assert list((home.home / "runs").iterdir()) == []


async def test_supervisors_leave_with_their_runs(bench: Bench, home: ProcessHome) -> None:
    ids = [await bench.runs() for _ in range(3)]
    await until(lambda: len(home.supervisors()) == 3, "each has its supervisor, back in its folder")
    bench.go()
    for id in ids:
        await bench.ended(id)
    await until(lambda: home.supervisors() == [], "no supervisor is left")


async def test_what_a_full_disk_cannot_take_is_counted_at_its_place_and_the_run_does_not_wait(bench: Bench) -> None:
    def limit(size: int) -> None:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    pause = "while [ ! -e {0} ]; do sleep 0.02; done; seq 1000; echo {0} >> ledger"
    id = await bench.launch(f"echo begun; {pause.format('full')}; {pause.format('free')}")
    await until(lambda: id in bench.wrote, "it runs")
    pid = await supervisor_of(bench, id)
    limit(100)
    bench.touch("full")
    await until(lambda: bench.lines("ledger") == ["full"], "the run goes on")
    limit(resource.RLIM_INFINITY)
    bench.touch("free")
    ended = await bench.ended(id)
    frames, _ = split(bench.backend.output(id).read_bytes())
    lost = [LOSS.unpack(data) for kind, _, data in frames if kind == STDOUT | LOST]
    stored = b"".join(data for kind, _, data in frames if kind == STDOUT)
    assert len(lost) == 1 and lost[0][0] > 0
    assert stored.count(b"\n") + lost[0][0] == 2001
    assert stored.endswith(b"999\n1000\n")
    assert ended.exit_code == 0


async def test_a_full_disk_keeps_no_stop_from_a_run(bench: Bench) -> None:
    id = await bench.runs()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        await bench.backend.stop(id)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (await bench.ended(id)).stopped


async def test_a_stop_that_can_not_be_marked_reaches_the_run(bench: Bench, home: ProcessHome) -> None:
    id = await bench.runs()
    (home.home / "runs" / f"{id}.stop").mkdir()  # so no file of this name can be made
    await bench.backend.stop(id)
    assert (await bench.ended(id)).stopped


# --- ways into a run


async def refusal_of(bench: Bench, run_id: str) -> Conflict:
    with pytest.raises(Conflict) as refusal:
        await bench.backend.exec(run_id, Child(argv=("true",)))
    return refusal.value


async def test_a_supervisor_of_an_older_version_is_not_waited_for(
    bench: Bench, home: ProcessHome, stranger: subprocess.Popen[bytes]
) -> None:
    id = f"{new_id()}.1"
    ticks = linux.start_time(stranger.pid)
    home.mark(id, pid=stranger.pid, boot_id=linux.boot_id(), start_time=ticks, started_at=17)
    refusal = await refusal_of(bench, id)
    assert refusal.details == {"code": "supervisor_too_old"}
    assert "older version" in refusal.message
    assert stranger.poll() is None, "nobody has signalled it"


async def test_a_run_that_nobody_enters_has_no_socket_and_one_that_is_over_keeps_none(
    bench: Bench, home: ProcessHome
) -> None:
    id = await bench.runs()
    assert home.files(id) == {".run"}
    async with Held(await bench.backend.exec(id, Child(argv=("true",)))) as child:
        await child.exit()
    assert home.files(id) == {".run", ".ways"}
    bench.go()
    await bench.ended(id)
    assert list((home.home / "runs" / f"{id}.ways").iterdir()) == []
    await bench.backend.forget([id])
    assert home.files(id) == set()


async def test_a_run_whose_supervisor_was_killed_takes_nobody(bench: Bench) -> None:
    id = await bench.runs()
    async with Held(await bench.backend.exec(id, Child(argv=("sleep", "600")))):
        os.kill(await supervisor_of(bench, id), signal.SIGKILL)
        await bench.reaches(id, Lost)
        assert processes_of(id) == []
        assert (await refusal_of(bench, id)).details == {"code": "run_not_running"}


async def test_a_supervisor_that_stands_still_is_given_up(bench: Bench) -> None:
    id = await bench.runs()
    pid = await supervisor_of(bench, id)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(Unavailable):
        await bench.backend.exec(id, Child(argv=("true",)))
    os.kill(pid, signal.SIGCONT)
    async with Held(await bench.backend.exec(id, Child(argv=("true",)))) as child:
        assert (await child.exit())["exit"] == 0


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\n",
        b"null\n",
        b"[]\n",
        b"{}\n",
        b'{"start": 1}\n',
        b'{"start": {"name": null}}\n',
        b'{"start": {"argv": ["true"], "program": null, "env": {}, "terminal": false, "name": null}}\n',
        b'{"start": {"argv": [1], "program": null, "env": {}, "terminal": true, "name": null}}\n',
        b'{"stop": true}\n',
        b'{"signal": "NONE"}\n',
        b"\xff\xfe\n",
        b"x" * 3_000_000,
    ],
)
async def test_nonsense_on_a_control_socket_is_cut_off_and_harms_nobody(
    bench: Bench, home: ProcessHome, nonsense: bytes
) -> None:
    id = await bench.runs()
    async with Held(await bench.backend.exec(id, Child(argv=("cat",)))) as child:
        file, path = beside(home.home / "runs" / f"{id}.ways", "control")
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)
            os.close(file)
            connection.setblocking(False)
            with suppress(ConnectionError):
                await asyncio.get_running_loop().sock_sendall(connection, nonsense)
                assert await asyncio.get_running_loop().sock_recv(connection, 100) == b""
        child.write("stdin", b"still here")
        child.close("stdin")
        assert await child.everything("stdout") == b"still here"
    bench.go()
    assert (await bench.ended(id)).exit_code == 0


async def test_a_run_in_a_deep_folder_is_entered(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-long-name-of-a-folder"] * 6)
    deep.mkdir(parents=True)
    bench = Bench(lambda: ProcessBackend(deep, idle_s=5), tmp_path)
    await bench.open()
    id = await bench.runs()
    async with Held(await bench.backend.exec(id, Child(argv=("echo", "hello")))) as child:
        assert await child.everything("stdout") == b"hello\n"
    bench.go()
    await bench.ended(id)
    await bench.close()
    ProcessHome(deep).kill_all()
