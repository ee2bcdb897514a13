"""One sweep of /proc for all runs: who descends from whom, what each has used, and what each has reaped.

A process's own figures hold those of every child that it has waited for, and of theirs. So a sum over the living tree
misses nothing of children that come and go, if parents are read before their children: a child that ends in between
is missed until the next sweep, and never counted twice. What a parent that ignores SIGCHLD has started is in nobody's
figures once it has ended.
"""

import os
from typing import NamedTuple

_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_SMALL = 4096


class Process(NamedTuple):
    pid: int
    parent: int
    started: int
    """In clock ticks since the boot."""
    cpu_ns: int
    """Its own and that of the children that it has waited for."""
    alive: bool
    """More than a zombie."""


class Transfers(NamedTuple):
    """Between a process and block devices, in bytes, and the children's that it has waited for."""

    read: int
    written: int


class Processes:
    """The processes of this machine at about one moment."""

    def __init__(self) -> None:
        self._all: dict[int, Process] = {}
        self._children: dict[int, list[int]] = {}
        for name in os.listdir("/proc"):
            if name.isdigit() and (process := process_of(int(name))) is not None:
                self._all[process.pid] = process
                self._children.setdefault(process.parent, []).append(process.pid)

    def tree(self, root: int) -> list[Process]:
        """A process and its descendants, parents before their children; empty if it is gone."""
        process = self._all.get(root)
        found = [] if process is None else [process]
        for parent in found:  # grows while it is walked
            for pid in self._children.get(parent.pid, ()):
                child = self._all[pid] if pid > parent.pid else process_of(pid)  # /proc is read by ascending pids
                if child is not None:
                    found.append(child)
        return found


def process_of(pid: int) -> Process | None:
    """The process as it is now; none if it is gone."""
    fields = _read(f"/proc/{pid}/stat").rpartition(b") ")[2].split(None, 20)
    if len(fields) < 20:
        return None
    ticks = int(fields[11]) + int(fields[12]) + int(fields[13]) + int(fields[14])
    return Process(pid, int(fields[1]), int(fields[19]), ticks * _TICK_NS, fields[0] not in (b"Z", b"X"))


def transfers_of(pid: int | str) -> Transfers | None:
    """None if the process is gone, or may not be looked at."""
    fields = _read(f"/proc/{pid}/io").split()
    return Transfers(int(fields[9]), int(fields[11])) if len(fields) >= 12 else None


def memory_of(pid: int) -> int | None:
    """Its share of the memory that it has mapped (PSS), in bytes; none if it is gone, or may not be looked at."""
    text = _read(f"/proc/{pid}/smaps_rollup")
    begin = text.find(b"\nPss:")
    return int(text[begin + 5 :].split(None, 1)[0]) * 1024 if begin >= 0 else None


def _read(path: str) -> bytes:
    """A small file of /proc; empty if its process is gone or belongs to somebody else."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(file, _SMALL)
    except OSError:
        return b""
    finally:
        os.close(file)
