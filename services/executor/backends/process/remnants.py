"""Runs that live here though their files are gone, as after the loss of the folder: found by their supervisors.

A supervisor works in the folder of its backend, by which it is told from those of other executors of this machine, and
what it has started has the run's id in its environment.
"""

import os
import signal
from collections.abc import Callable

from services.executor.backends.process import linux, marks
from services.executor.backends.process.supervisors import Supervisor
from services.executor.backends.process.sweep import RUN_ID, sweep
from services.executor.domain.record import is_rank_id

_DELETED = " (deleted)"


class Remnants:
    """Of one backend. Everything blocks, and may raise OSError."""

    def __init__(self, home: str, base: Callable[[str], str]) -> None:
        """`base`: what a run's files begin with."""
        self._home = home
        self._base = base
        self._known: dict[str, Supervisor] = {}

    def find(self) -> None:
        """Once, before this process starts any."""
        for pid in linux.all_pids():
            if _folder_of(pid) == self._home:
                supervisor = Supervisor(pid, {"start_time": str(linux.start_time(pid))})
                for run_id in _started_by(pid):
                    if not os.path.exists(self._base(run_id) + marks.RUN):
                        self._known[run_id] = supervisor

    def run_ids(self) -> list[str]:
        return list(self._known)

    def end(self, run_id: str) -> bool:
        """Whether it is over, and all that it had started; else its supervisor is told, as often as it likes."""
        supervisor = self._known.get(run_id)
        if supervisor is None:
            return True
        if supervisor.send(signal.SIGTERM):
            return False
        sweep(run_id)
        del self._known[run_id]
        return True


def _folder_of(pid: int) -> str | None:
    """That of the backend whose supervisor this may be."""
    try:
        return os.readlink(f"/proc/{pid}/cwd").removesuffix(_DELETED)
    except OSError:
        return None


def _started_by(pid: int) -> set[str]:
    """The run of this supervisor, if it is one."""
    found = set()
    for child in linux.children(pid):
        pairs = linux.read(f"/proc/{child}/environ").decode(errors="replace").split("\0")
        found |= {value for value in (marks.facts_of(pairs).get(RUN_ID),) if value and is_rank_id(value)}
    return found
