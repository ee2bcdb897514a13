"""One sweep of /proc: whose descendant a process is, whatever it calls itself and however it was left behind."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from services.executor.backends.process.usage.processes import Processes, memory_of, process_of, transfers_of
from tests.support.waiting import wait_until

FAMILY = """
import ctypes, os, sys, time
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
open("/proc/self/comm", "w").write(") R 1 (x) ")
if os.fork() == 0:
    if os.fork() == 0:  # its parent is gone at once
        time.sleep(600)
    os._exit(0)
if os.fork() == 0:
    if os.fork() == 0:
        time.sleep(600)
    time.sleep(600)
print(flush=True)
time.sleep(600)
"""


@pytest.fixture
def family() -> Iterator[int]:
    """A process with a zombie, a child, a grandchild, and a grandchild that has lost its parent."""
    process = subprocess.Popen([sys.executable, "-c", FAMILY], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    process.stdout.readline()
    wait_until(lambda: len(Processes().tree(process.pid)) == 5, "all of them are there")
    yield process.pid
    os.killpg(process.pid, 9)
    process.communicate()


def test_a_tree_has_parents_before_their_children_and_zombies(family: int) -> None:
    wait_until(lambda: any(not each.alive for each in Processes().tree(family)), "one has ended")
    tree = Processes().tree(family)
    order = [process.pid for process in tree]
    assert order[0] == family
    assert all(order.index(process.parent) < order.index(process.pid) for process in tree[1:])
    assert [process.alive for process in tree].count(False) == 1


def test_a_name_says_nothing_of_the_process(family: int) -> None:
    process = process_of(family)
    assert process is not None and process.parent == os.getpid()


def test_processes_tell_what_they_moved_and_what_memory_they_have() -> None:
    before = transfers_of(os.getpid())
    assert before is not None and before.written >= 0
    assert (memory_of(os.getpid()) or 0) > 1 << 20


def test_what_is_gone_has_nothing() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert Processes().tree(gone.pid) == []
    assert (process_of(gone.pid), transfers_of(gone.pid), memory_of(gone.pid)) == (None, None, None)
