"""What a sweep makes of a run's tree and its group, on a real tree and a folder that stands for the group."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.executor.backends.process import linux
from services.executor.backends.process.supervisors import Supervisor
from services.executor.backends.process.usage.group import Group
from services.executor.backends.process.usage.meter import Metered, Sweep
from services.executor.domain.reading import Reading

RUN = """
import os, time
while time.process_time() < 0.2: pass
child = os.fork()
if child == 0:
    time.sleep(600)
print(child, flush=True)
time.sleep(600)
"""
FAR = 10**15
"""More than the tree has used, in ns."""


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    """Stands for one: it has used some processor time, and has one child."""
    process = subprocess.Popen([sys.executable, "-c", RUN], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    child = process.stdout.readline().decode().strip()
    start = linux.start_time(process.pid)
    yield Supervisor(process.pid, {"start_time": str(start), "child": child})
    for pid in (int(child), process.pid):
        linux.send(pid, 9)
    process.communicate()


def reading(supervisor: Supervisor, folder: Path, cpu_ns: int, inside: str) -> Reading:
    """Of a run whose group says this, and uses 4096 bytes."""
    (folder / "cpu.stat").write_text(f"usage_usec {cpu_ns // 1000}\n")
    (folder / "memory.current").write_text("4096\n")
    (folder / "memory.stat").write_text("inactive_file 0\n")
    (folder / "cgroup.procs").write_text(inside)
    found = Sweep().reading(Metered(supervisor, Group(unified=str(folder))))
    assert found is not None
    return found


def test_who_is_in_the_group_is_counted_by_it(supervisor: Supervisor, tmp_path: Path) -> None:
    seen = reading(supervisor, tmp_path, FAR, inside=supervisor.facts["child"])
    assert (seen.cpu_ns, seen.memory_bytes) == (FAR, 4096)


def test_who_has_left_the_group_is_counted_by_the_tree(supervisor: Supervisor, tmp_path: Path) -> None:
    seen = reading(supervisor, tmp_path, 0, inside="")
    assert (seen.cpu_ns or 0) >= 150_000_000, "whose clock has ticks of 10 ms"
    assert (seen.memory_bytes or 0) > 4096 + 100_000
