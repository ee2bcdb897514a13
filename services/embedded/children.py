"""Parts that are kept running: how each is started, when it is started again, and how all of them end."""

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.embedded.saying import say
from shared.wrong_settings import EXIT_CODE

RESTART_WAIT_S = (0.1, 0.5, 1.0, 2.0, 5.0)
HEALTHY_S = 10.0
POLL_S = 0.02


@dataclass
class Child:
    """A part that is kept running: how to start it, and how often it died lately."""

    name: str
    spawn: Callable[[], int]
    pid: int = 0
    started: float = 0.0
    deaths: int = 0
    due: float = 0.0

    def start(self) -> None:
        self.pid = self.spawn()
        self.started = time.monotonic()

    def died(self, status: int) -> None:
        """Plan the restart: sooner after a long life, later after several short ones."""
        now = time.monotonic()
        if now - self.started > HEALTHY_S:
            self.deaths = 0
        wait = RESTART_WAIT_S[min(self.deaths, len(RESTART_WAIT_S) - 1)]
        self.deaths += 1
        self.pid, self.due = 0, now + wait
        say(f"{self.name} ended ({_ending(status)}); it starts again in {wait:g} s", to=sys.stderr)


def end_all(children: Sequence[Child], seconds: float) -> None:
    """Ask all of them to end, and kill those that have not after so many seconds."""
    alive = [child for child in children if child.pid]
    for child in alive:
        os.kill(child.pid, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while alive and time.monotonic() < deadline:
        alive = [child for child in alive if os.waitpid(child.pid, os.WNOHANG)[0] == 0]
        time.sleep(POLL_S)
    for child in alive:
        say(f"{child.name} did not end within {seconds:g} s and was killed", to=sys.stderr)
        os.kill(child.pid, signal.SIGKILL)
        os.waitpid(child.pid, 0)


def refused(status: int) -> bool:
    """Whether it ended because its settings are wrong, and has said which."""
    return os.WIFEXITED(status) and os.WEXITSTATUS(status) == EXIT_CODE


def _ending(status: int) -> str:
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return f"exit code {os.waitstatus_to_exitcode(status)}"
