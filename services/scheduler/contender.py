"""A contender's name, which proves its death to whoever looks on the same machine.

A lease may be taken after it has stood still for a whole term. A restart on the same machine need not wait for that:
the name holds the boot, the process namespace, the pid and the process's start, and where the kernel says that this
process is gone, nobody will renew the lease any more.
"""

import os
from pathlib import Path

from shared.ids import new_id

_PROC = Path("/proc")
_SEPARATOR = "/"
_GONE = frozenset({"Z", "X", "x"})


def contender_name() -> str:
    """A name for this scheduler, unlike any other's. Where there is no /proc, one that proves nothing."""
    machine = _machine()
    start = _start_of(os.getpid())
    if machine is None or start is None:
        return f"scheduler-{new_id()}"
    return _SEPARATOR.join((machine, str(os.getpid()), start, new_id()))


def is_dead(contender: str) -> bool:
    """Whether this contender's process has certainly ended. False where that cannot be known from here."""
    machine, _, rest = contender.rpartition(_SEPARATOR)[0].partition(_SEPARATOR)
    pid, _, start = rest.partition(_SEPARATOR)
    if machine != _machine() or not pid.isdigit():
        return False
    return _start_of(int(pid)) != start


def _machine() -> str | None:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}.{(_PROC / 'self/ns/pid').stat().st_ino}"
    except OSError:
        return None


def _start_of(pid: int) -> str | None:
    """When this process started, in clock ticks since the boot; None if it does not run."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return fields[19] if fields[0] not in _GONE else None
