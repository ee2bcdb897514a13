"""The lines of shell that look at a container's processes, run by the shells of this machine on its own."""

import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil
import pytest

from services.executor.backends.kubernetes import programs
from services.executor.backends.kubernetes.processes import LOOK, START_TIME
from services.executor.backends.kubernetes.programs import Process
from tests.support.shells import SHELLS
from tests.support.waiting import until

SEEN = LOOK + 'see() { echo "$pid $parent $session $started"; }\nlook see\n'
LEADER = f'echo "$$ {START_TIME}"; sleep 600 & exec sleep 600'


def begun(shell: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([shell, "-c", LEADER], stdout=subprocess.PIPE, start_new_session=True, text=True)


def said(shell: str, *words: str) -> str:
    return subprocess.run([shell, *words], capture_output=True, text=True, check=True).stdout


@asynccontextmanager
async def session(shell: str) -> AsyncIterator[tuple[Process, list[psutil.Process]]]:
    """One of two processes: who leads it, and both of them."""
    running = begun(shell)
    assert running.stdout is not None
    pid, started = map(int, running.stdout.readline().split())
    leader = psutil.Process(pid)
    await until(leader.children, "its child runs")
    both = [leader, *leader.children()]
    try:
        yield Process(pid, started), both
    finally:
        for process in both:
            if process.is_running():
                process.kill()
        running.stdout.close()
        running.wait()


def looked(shell: str) -> dict[int, list[int]]:
    lines = (list(map(int, line.split())) for line in said(shell, "-c", SEEN).splitlines())
    return {pid: rest for pid, *rest in lines}


@pytest.mark.parametrize("shell", SHELLS)
async def test_each_living_process_is_seen_with_its_parent_its_session_and_its_start(shell: str) -> None:
    async with session(shell) as (leader, (first, second)):
        seen = looked(shell)
        assert seen[first.pid] == [first.ppid(), leader.pid, leader.started]
        assert seen[second.pid][:2] == [leader.pid, leader.pid]
        assert seen[second.pid][2] >= leader.started
        first.send_signal(signal.SIGKILL)
        await until(lambda: first.status() == psutil.STATUS_ZOMBIE, "it has ended")
        left = looked(shell)
        assert first.pid not in left and left[second.pid][1] == leader.pid


@pytest.mark.parametrize("shell", SHELLS)
async def test_a_child_is_hung_up_with_its_session_and_a_later_one_of_its_number_is_not(shell: str) -> None:
    async with session(shell) as (leader, both):
        said(shell, *programs.hanging_up(Process(leader.pid, leader.started - 1))[1:])
        assert all(process.status() != psutil.STATUS_ZOMBIE for process in both)
        said(shell, *programs.hanging_up(leader)[1:])
        assert all(not each.is_running() or each.status() == psutil.STATUS_ZOMBIE for each in both)
