"""What is told to end gets its time, and after that nothing of it is left, wherever it has gone."""

import os
import signal
import subprocess
import time

from services.executor.backends.process import linux
from services.executor.backends.process.sessions import EndingSessions
from tests.support.waiting import wait_until

DEAF = "trap '' HUP TERM; echo ready; while :; do sleep 0.05; done"


def started(script: str) -> "subprocess.Popen[bytes]":
    """The leader of a session of its own, once it says that it is ready."""
    process = subprocess.Popen(["/bin/sh", "-c", script], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    with process.stdout as said:
        assert said.readline() == b"ready\n"
    return process


def test_a_session_that_goes_when_it_is_asked_is_not_waited_for_any_longer() -> None:
    sessions, process = EndingSessions(), started("echo ready; exec sleep 600")
    sessions.begin(process.pid, signal.SIGHUP, patience_s=600)
    assert process.wait() == -signal.SIGHUP
    assert sessions.next_at is not None
    sessions.sweep(sessions.next_at)
    assert sessions.next_at is None


def test_a_session_that_is_deaf_is_killed_when_its_time_is_over_and_not_before() -> None:
    sessions, process = EndingSessions(), started(DEAF)
    sessions.begin(process.pid, signal.SIGHUP, patience_s=600)
    sessions.sweep(time.monotonic())
    assert process.poll() is None
    assert sessions.next_at is not None
    sessions.sweep(sessions.next_at)
    assert process.wait() == -signal.SIGKILL


def test_what_has_left_the_session_goes_with_it_and_a_stranger_with_its_number_does_not() -> None:
    sessions, process, away, stranger = EndingSessions(), started(DEAF), started(DEAF), started(DEAF)
    others = {(away.pid, linux.start_time(away.pid)), (stranger.pid, 1)}
    sessions.begin(process.pid, signal.SIGTERM, 0.0, others)

    def swept() -> bool:
        sessions.sweep(time.monotonic())
        for each in (process, away):
            each.poll()
        return sessions.next_at is None

    wait_until(swept, "nothing of it is left")
    assert (process.wait(), away.wait()) == (-signal.SIGKILL, -signal.SIGKILL)
    assert stranger.poll() is None
    os.killpg(stranger.pid, signal.SIGKILL)
    stranger.wait()
