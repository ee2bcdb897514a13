"""The control groups of this machine, as far as tests may make some, and the ways of counting that follow from that."""

import os
import signal
from contextlib import suppress
from functools import partial
from pathlib import Path

from services.executor.backends.process.usage.groups import Groups, mounted
from services.executor.backends.process.usage.hierarchies import Hierarchy
from services.executor.backends.process.usage.traffic import Counters
from tests.support.waiting import wait_until

WAYS: dict[str, tuple[Hierarchy, ...]] = {
    "groups": mounted(),
    "groups of version 1": tuple(each for each in mounted() if not each.unified),
    "tree": (),
}
"""By the hierarchies that a backend is given to make groups in."""


def possible() -> list[str]:
    """Those of WAYS that this machine and user allow; the tree always is."""
    return [way for way, found in WAYS.items() if way == "tree" or _makes_some(found)]


def counts_network(way: str) -> bool:
    """Whether a run's own network can be counted in its group."""
    if not any(each.unified for each in WAYS[way]) or not _makes_some(WAYS[way]):
        return False
    try:
        Counters().close()
    except OSError:
        return False
    return True


def nested(folder: Path, deep: int, name: str = "a") -> int:
    """Make groups in groups, so deep at most, as a job might; how many could be made."""
    here = os.open(folder, os.O_RDONLY)
    try:
        for made in range(deep):
            try:
                os.mkdir(name, dir_fd=here)
            except BlockingIOError:  # what the kernel says at its limit
                return made
            inner = os.open(name, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = inner
        return deep
    finally:
        os.close(here)


def clear_groups(home: Path) -> None:
    """End what still lives in the groups of this executor's runs, and remove them: no test leaves one behind."""
    for way in WAYS.values():
        groups = Groups(home, way)
        groups.open()
        wait_until(partial(_cleared, groups), "nothing lives in the groups of the test's runs")
        groups.close()


def _cleared(groups: Groups) -> bool:
    left = groups.sweep()
    for part in groups.parts.facts.values():
        for id in left:
            _end_all_in(Path(part, id))
    return not left


def _makes_some(found: tuple[Hierarchy, ...]) -> bool:
    groups = Groups(Path("/nowhere", str(os.getpid())), found)
    groups.open()
    made = any(groups.parts)
    groups.close()
    return made


def _end_all_in(folder: Path) -> None:
    for procs in folder.rglob("cgroup.procs"):
        with suppress(OSError):
            for pid in procs.read_text().split():
                os.kill(int(pid), signal.SIGKILL)
