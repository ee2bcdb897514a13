"""Processes that stand still: SIGSTOP, and the certainty that nothing runs any more."""

import os
import signal
from pathlib import Path

from tests.support.waiting import wait_until


def freeze(pid: int) -> None:
    """SIGSTOP. Returns when each thread has stopped: the signal is on its way for a moment, and so may an answer be."""
    os.kill(pid, signal.SIGSTOP)
    wait_until(
        lambda: all(_state(thread) in "tTZX" for thread in Path(f"/proc/{pid}/task").iterdir()), "it has stopped"
    )


def _state(thread: Path) -> str:
    try:
        return (thread / "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"
