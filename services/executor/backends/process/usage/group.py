"""The control groups of one run: one in the unified hierarchy, and ones of version 1 for what that does not count.

They are made before the run is launched, entered by its supervisor before it starts anything, and named in its claim,
so that whoever reads them knows that the run has begun in them. What it starts is in them too, unless it leaves them,
as its user may. Standard library only.
"""

import contextlib
import os
from collections.abc import Sequence
from typing import NamedTuple

from services.executor.backends.process import linux
from services.executor.backends.process.marks import Facts
from services.executor.backends.process.usage.network import Traffic
from services.executor.backends.process.usage.traffic import counted

_UNIFIED = "group"
_CPU = "cpu_group"
_MEMORY = "memory_group"


class Group(NamedTuple):
    """Folders; none where there is no such group."""

    unified: str | None = None
    cpu: str | None = None
    """Of version 1, as the next."""
    memory: str | None = None

    @property
    def facts(self) -> Facts:
        folders = {_UNIFIED: self.unified, _CPU: self.cpu, _MEMORY: self.memory}
        return {name: folder for name, folder in folders.items() if folder is not None}

    def cpu_ns(self) -> int | None:
        """Processor time of all that is and was in the group."""
        if self.unified is not None and (usage := _field(f"{self.unified}/cpu.stat", b"usage_usec")) is not None:
            return usage * 1000
        return None if self.cpu is None else _number(f"{self.cpu}/cpuacct.usage")

    def memory_bytes(self) -> int | None:
        """What it uses, less what the kernel would drop first: file pages that were not used lately."""
        if self.memory is not None:
            used = _number(f"{self.memory}/memory.usage_in_bytes")
            inactive = _field(f"{self.memory}/memory.stat", b"total_inactive_file")
        elif self.unified is not None:
            used = _number(f"{self.unified}/memory.current")
            inactive = _field(f"{self.unified}/memory.stat", b"inactive_file")
        else:
            return None
        return None if used is None or inactive is None else max(0, used - inactive)

    def outside(self, pids: Sequence[int]) -> list[int]:
        """Those of the processes whose memory is not counted here, since they have left; none if no memory is.

        One file says who is in the group itself; only of the others it is looked up where they are, which may be a
        group inside of it. Version 1 moves single threads, and counts memory where a process's first one is.
        """
        folder, file = (self.unified, "cgroup.procs") if self.memory is None else (self.memory, "tasks")
        if folder is None:
            return []
        inside = set(linux.read(f"{folder}/{file}").split())
        others = [pid for pid in pids if b"%d" % pid not in inside]
        controller = "" if self.memory is None else "memory"
        return [pid for pid in others if not holds(folder, controller, linux.read(f"/proc/{pid}/cgroup"))]

    def traffic(self) -> Traffic | None:
        """What its sockets have received and sent, where that is counted."""
        return None if self.unified is None else counted(self.unified)


def group_of(facts: Facts) -> Group:
    """What a supervisor has claimed to be in."""
    return Group(facts.get(_UNIFIED), facts.get(_CPU), facts.get(_MEMORY))


def holds(folder: str, controller: str, groups: bytes) -> bool:
    """Whether a process is in this run's group or inside of it, by what its /proc/<pid>/cgroup says.

    `controller` tells the hierarchy, "" the unified one. The folder's last two names (this node's part, and the run)
    are looked for, which are the same wherever the hierarchy is mounted.
    """
    part = "/".join(["", *folder.split("/")[-2:], ""])
    for line in os.fsdecode(groups).splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return part in f"{path}/"
    return False


def enter(group: Group, born_in: str | None) -> Group:
    """Put this process, which has one thread, into the group; into what it could be put.

    `born_in`: where it is already. Moving one thread of version 1 takes none of the locks that moving a process does,
    which cost a wait of several milliseconds.
    """
    unified = group.unified if group.unified == born_in or _enter(group.unified, "cgroup.procs") else None
    cpu = group.cpu if _enter(group.cpu, "tasks") else None
    memory = group.memory if _enter(group.memory, "tasks") else None
    return Group(unified, cpu, memory)


def _enter(folder: str | None, file: str) -> bool:
    if folder is None:
        return False
    with contextlib.suppress(OSError):
        tasks = os.open(f"{folder}/{file}", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(tasks, b"0")
            return True
        finally:
            os.close(tasks)
    return False


def _number(path: str) -> int | None:
    text = linux.read(path)
    return int(text) if text else None


def _field(path: str, name: bytes) -> int | None:
    """From lines of a name and a number."""
    for line in linux.read(path).splitlines():
        if line.startswith(name + b" "):
            return int(line[len(name) :])
    return None
