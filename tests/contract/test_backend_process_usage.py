"""What only the backend `process` can get into as it measures: groups that cannot be made, or that outlive a run."""

import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil
import pytest

from services.executor.backends.process.backend import ProcessBackend
from services.executor.backends.process.usage.groups import Groups, mounted
from services.executor.backends.process.usage.hierarchies import Hierarchy
from services.executor.domain.observation import Lost, Started
from tests.support.executor_backend import Bench, ProcessHome, processes_of
from tests.support.groups import WAYS, counts_network, nested, possible
from tests.support.waiting import until

by_every_way = pytest.mark.parametrize("way", possible())


@pytest.fixture
def home(tmp_path: Path) -> Iterator[ProcessHome]:
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    home = ProcessHome(tmp_path / "home")
    yield home
    home.kill_all()


@asynccontextmanager
async def bench_in(home: ProcessHome, found: tuple[Hierarchy, ...]) -> AsyncIterator[Bench]:
    bench = Bench(lambda: ProcessBackend(home.home, 5, Groups(home.home, found)), home.home.with_name("work"))
    await bench.open()
    yield bench
    await bench.close()
    bench.end_everything()


def groups_of(home: ProcessHome, run_id: str) -> list[Path]:
    """The folders of the run's groups that there are."""
    parts = Groups(home.home, ()).name
    return [path for each in mounted() for path in Path(each.folder).glob(f"{parts}/{run_id}") if path.is_dir()]


APART = next(
    (
        command
        for command in (("unshare", "--net"), ("unshare", "--map-root-user", "--net"))
        if subprocess.run([*command, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0
    ),
    (),
)
"""Starts a program in a network namespace of its own, where this user may."""

NOWHERE = (Hierarchy(frozenset(), "/proc/nowhere"), Hierarchy(frozenset({"memory"}), "/proc/nowhere"))


async def test_a_run_whose_groups_cannot_be_made_is_counted_by_its_tree(home: ProcessHome) -> None:
    async with bench_in(home, NOWHERE) as bench:
        id = await bench.runs("i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done")
        seen = await bench.reading(id)
        assert (seen.cpu_ns or 0) > 0
        assert (seen.memory_bytes or 0) > 0
        assert seen.network_scope == "host"
        bench.go()
        assert (await bench.ended(id)).exit_code == 0


@by_every_way
async def test_a_run_whose_groups_vanish_before_its_start_is_counted_by_its_tree(home: ProcessHome, way: str) -> None:
    async with bench_in(home, WAYS[way]) as bench:
        spawner = home.spawner()
        os.kill(spawner, signal.SIGSTOP)
        try:
            id = await bench.launch(
                f"i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done; touch x; {bench.WAIT_FOR_GO}"
            )
            assert bool(groups_of(home, id)) == (way != "tree"), "they are made before the launch"
            Groups(home.home, WAYS[way]).open()  # which sweeps what nothing lives in
            assert groups_of(home, id) == []
        finally:
            os.kill(spawner, signal.SIGCONT)
        await until((bench.folder / "x").exists, "it has worked")
        seen = await bench.reading(id)
        assert (seen.cpu_ns or 0) > 0
        assert seen.network_scope == "host"
        bench.go()
        assert ((await bench.ended(id)).totals or seen).network_scope == "host"


@by_every_way
async def test_the_groups_of_a_run_go_with_it(home: ProcessHome, way: str) -> None:
    async with bench_in(home, WAYS[way]) as bench:
        id = await bench.runs()
        assert bool(groups_of(home, id)) == (way != "tree")
        bench.go()
        await bench.ended(id)
        await until(lambda: groups_of(home, id) == [], "its groups are gone")


@by_every_way
async def test_the_groups_of_a_lost_run_go_with_it(home: ProcessHome, way: str) -> None:
    async with bench_in(home, WAYS[way]) as bench:
        id = await bench.runs("(setsid setsid sleep 600 &)")
        pid = (await bench.reaches(id, Started)).pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await bench.reaches(id, Lost)
        await until(lambda: groups_of(home, id) == [], "its groups are gone")


@by_every_way
async def test_what_ended_while_nobody_looked_leaves_no_groups_behind_the_next_start(
    home: ProcessHome, way: str
) -> None:
    async with bench_in(home, WAYS[way]) as bench:
        over, lives = await bench.runs(), await bench.launch("sleep 600")
        folders = groups_of(home, over)
        kept = [folder / "of the job's own" for folder in groups_of(home, lives)]
        for path in (*(folder / "of the job's own" for folder in folders), *kept):
            path.mkdir()
        await bench.reaches(lives, Started)
        supervisors = set(home.supervisors())
        await bench.close()
        bench.go()
        await until(lambda: len(set(home.supervisors()) & supervisors) == 1, "one of them is over")
        assert groups_of(home, over) == folders
        await bench.open()
        await until(lambda: groups_of(home, over) == [], "the groups of the one are gone")
        assert bool(groups_of(home, lives)) == (way != "tree"), "and the other's are not"
        assert all(path.is_dir() for path in kept), "nor what it has made in them"


@by_every_way
async def test_groups_in_groups_of_a_run_go_with_it_and_keep_no_executor_from_starting(
    home: ProcessHome, way: str
) -> None:
    async with bench_in(home, WAYS[way]) as bench:
        id = await bench.runs()
        for folder in groups_of(home, id):
            limit = folder / "cgroup.max.depth"
            assert nested(folder, 700) == (16 if limit.exists() else 700)
            if limit.exists():  # which a run may lift
                limit.write_text("max")
                (folder / "cgroup.max.descendants").write_text("max")
                (folder / "deep").mkdir()
                assert nested(folder / "deep", 700) == 700
        await bench.close()
        bench.go()
        await until(lambda: not home.supervisors(), "it is over")
        assert bool(groups_of(home, id)) == (way != "tree")
        await bench.open()
        await until(lambda: groups_of(home, id) == [], "its groups are gone")


@by_every_way
async def test_children_that_nobody_waits_for_are_counted_in_a_group(home: ProcessHome, way: str) -> None:
    ignores = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "for _ in range(5):\n"
        "    if os.fork() == 0:\n"
        "        while time.process_time() < 0.2: pass\n"
        "        os._exit(0)\n"
        "    try: os.wait()\n"
        "    except ChildProcessError: pass\n"
    )
    async with bench_in(home, WAYS[way]) as bench:
        (bench.folder / "ignores.py").write_text(ignores)
        id = await bench.runs("python3 ignores.py")
        seen = (await bench.reading(id)).cpu_ns or 0
        assert (seen > 1e9) == (way != "tree"), "which the docs say"


@by_every_way
@pytest.mark.parametrize("to", ["elsewhere.1", "$JOBYARD_RUN_ID/inside"])
async def test_a_job_that_leaves_its_group_is_counted_all_the_same(home: ProcessHome, way: str, to: str) -> None:
    moves = (
        "import os, sys, time\n"
        "for folder in sys.argv[1:]:\n"
        "    os.makedirs(folder, exist_ok=True)\n"
        "    open(f'{folder}/cgroup.procs', 'w').write('0')\n"
        "held = b'x' * (200 << 20)\n"
        "while time.process_time() < 1: pass\n"
        "open('x', 'w')\n"
        "while not os.path.exists('go'): time.sleep(0.02)\n"
    )
    async with bench_in(home, WAYS[way]) as bench:
        (bench.folder / "moves.py").write_text(moves)
        groups = Groups(home.home, WAYS[way])
        groups.open()
        folders = " ".join(f'"{part}/{to}"' for part in groups.parts.facts.values())
        id = await bench.launch(f"python3 moves.py {folders}")
        await until((bench.folder / "x").exists, "it has worked")
        seen = await bench.reading(id)
        assert 0.9e9 <= (seen.cpu_ns or 0) < 2e9
        assert 200 << 20 <= (seen.memory_bytes or 0) < 300 << 20, "counted once"
        bench.go()
        totals = (await bench.ended(id)).totals
        assert totals is not None and 0.9e9 <= (totals.cpu_ns or 0) < 2e9
        await until(lambda: groups.sweep() == set(), "where it went is gone")


@by_every_way
async def test_a_network_of_its_own_is_the_runs_alone(home: ProcessHome, way: str) -> None:
    sends = (
        "import fcntl, socket, struct\n"
        "with socket.socket() as any:\n"
        "    fcntl.ioctl(any, 0x8914, struct.pack('16sH', b'lo', 0x41))  # SIOCSIFFLAGS: up and running\n"
        "to = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "for _ in range(1000):\n"
        "    to.sendto(bytes(1000), ('127.0.0.1', 9))\n"
    )
    async with bench_in(home, WAYS[way]) as bench:
        (bench.folder / "sends.py").write_text(sends)
        id = await bench.launch((*APART, "sh", "-c", f"python3 sends.py; touch x; {bench.WAIT_FOR_GO}"))
        await until((bench.folder / "x").exists, "it has sent all")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as another:
            for _ in range(1000):
                another.sendto(bytes(4000), ("127.0.0.1", 9))
        seen = await bench.reading(id)
        if APART or counts_network(way):
            assert seen.network_scope == "run"
            assert 1_000_000 < (seen.transmit_bytes or 0) < 2_000_000, "packets have headers, and some are answered"
        else:
            assert seen.network_scope == "host"


@by_every_way
async def test_two_runs_have_each_their_own_traffic_or_the_hosts(home: ProcessHome, way: str) -> None:
    sends = (
        'python3 -c "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);'
        " [s.sendto(bytes(1000), ('127.0.0.1', 9)) for _ in range({times})]\""
    )
    async with bench_in(home, WAYS[way]) as bench:
        few, many = await bench.runs(sends.format(times=10)), await bench.runs(sends.format(times=1000))
        seen = await bench.backend.measure([few, many])
        assert (seen[many].transmit_bytes or 0) > 1_000_000
        if counts_network(way):
            assert {each.network_scope for each in seen.values()} == {"run"}
            assert 10_000 < (seen[few].transmit_bytes or 0) < 20_000
            assert (seen[many].transmit_bytes or 0) < 2_000_000
        else:
            assert {each.network_scope for each in seen.values()} == {"host"}
            assert (seen[few].transmit_bytes or 0) > 1_000_000, "the other's as well"


@by_every_way
async def test_a_reading_names_the_processes_that_live(home: ProcessHome, way: str) -> None:
    async with bench_in(home, WAYS[way]) as bench:
        id = await bench.runs("(setsid setsid sleep 600 &); sleep 600 & (exit 0) &")
        supervisor = (await bench.reaches(id, Started)).pid

        async def both_sleepers() -> bool:
            sleepers = {each.pid for each in processes_of(id) if arguments_of(each) == ["sleep", "600"]}
            pids = set((await bench.reading(id)).pids)
            assert supervisor not in pids
            return len(sleepers) == 2 and sleepers < pids

        await until(both_sleepers, "both are named beside the shell, daemon or not")


def arguments_of(process: psutil.Process) -> list[str]:
    with suppress(psutil.Error):  # it has just ended
        return process.cmdline()
    return []
