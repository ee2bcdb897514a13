"""Ends what a supervisor that was killed has left behind: processes that carry the run's id in their environment."""

import contextlib
import os
import signal
import time

from services.executor.backends.process import linux

RUN_ID = "JOBYARD_RUN_ID"
_PAUSE_S = 0.01


def sweep(run_id: str) -> int:
    """SIGKILL every process of the run until there is none; how many there were. Blocks; may raise OSError."""
    entry = f"{RUN_ID}={run_id}".encode()
    killed: set[int] = set()
    while found := [pid for pid in linux.all_pids() if linux.environment_has(pid, entry) and linux.is_alive(pid)]:
        for pid in found:
            _kill(pid, entry)
        killed.update(found)
        time.sleep(_PAUSE_S)
    return len(killed)


def _kill(pid: int, entry: bytes) -> None:
    """By a handle that is checked once it is held: the pid may have become somebody else's."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        handle = os.pidfd_open(pid)
        try:
            if linux.environment_has(pid, entry):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)
