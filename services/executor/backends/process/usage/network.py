"""Bytes that the interfaces of a network namespace have carried: a run's own where it has one, or the machine's."""

import os
from typing import NamedTuple

from services.executor.backends.process import linux


class Traffic(NamedTuple):
    received: int
    sent: int


def carried(pid: int | str = "self", loopback: bool = True) -> Traffic | None:
    """By all interfaces of the namespace that the process is in; none if it is gone."""
    lines = linux.read(f"/proc/{pid}/net/dev").decode(errors="replace").splitlines()[2:]
    if not lines:
        return None
    named = [line.rpartition(":") for line in lines]
    fields = [figures.split() for name, _, figures in named if loopback or name.strip() != "lo"]
    return Traffic(sum(int(each[0]) for each in fields), sum(int(each[8]) for each in fields))


def namespace_of(pid: int | str = "self") -> int | None:
    """What tells the network namespace of a process from others; none if it is gone, or may not be looked at."""
    try:
        return os.stat(f"/proc/{pid}/ns/net").st_ino
    except OSError:
        return None
