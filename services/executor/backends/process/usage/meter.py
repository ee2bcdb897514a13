"""Reads what the runs that live here have used: all of them in one sweep, each figure in the best way there is."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from services.executor.backends.process import marks
from services.executor.backends.process.supervisors import Supervisor, claimed
from services.executor.backends.process.usage import totals
from services.executor.backends.process.usage.group import Group, group_of
from services.executor.backends.process.usage.network import Traffic, carried, namespace_of
from services.executor.backends.process.usage.processes import Process, Processes, memory_of, transfers_of
from services.executor.domain.reading import Reading


@dataclass(frozen=True)
class Metered:
    """A run that is read, and what of it stays the same."""

    supervisor: Supervisor
    group: Group

    def is_in(self, tree: Sequence[Process]) -> bool:
        """Whether the tree is this run's: its supervisor's pid may be somebody else's by now."""
        return str(tree[0].started) == self.supervisor.facts["start_time"]


class Meter:
    """`base` is the path that a run's files begin with."""

    def __init__(self, base: Callable[[str], str], boot_id: str) -> None:
        self._base = base
        self._boot_id = boot_id
        self._metered: dict[str, Metered] = {}

    def read(self, run_ids: Sequence[str]) -> dict[str, Reading]:
        """Of those that live. Blocks."""
        self._metered = {
            run_id: metered for run_id in run_ids if (metered := self._metered.get(run_id) or self._find(run_id))
        }
        if not self._metered:
            return {}
        sweep = Sweep()
        return {
            run_id: reading
            for run_id, metered in self._metered.items()
            if (reading := sweep.reading(metered)) is not None
        }

    def _find(self, run_id: str) -> Metered | None:
        start, end = marks.read(self._base(run_id))
        supervisor = claimed(start, self._boot_id)
        if supervisor is None or end is not None:
            return None
        return Metered(supervisor, group_of(supervisor.facts))


def totals_of(end: marks.Facts) -> Reading:
    """What a supervisor has concluded on its run's use; an older one said nothing of it."""

    def number(name: str) -> int | None:
        return int(end[name]) if name in end else None

    return Reading(
        at_ns=int(end["ended_at"]),
        cpu_ns=number(totals.CPU),
        receive_bytes=number(totals.RECEIVED),
        transmit_bytes=number(totals.SENT),
        network_scope="host" if end.get(totals.SCOPE) == "host" else "run",
        read_bytes=number(totals.READ),
        write_bytes=number(totals.WRITTEN),
    )


class Sweep:
    """One look at the machine, and what it says of each run."""

    def __init__(self) -> None:
        self._at_ns = time.time_ns()
        self._processes = Processes()
        self._host = carried()
        self._namespace = namespace_of()

    def reading(self, run: Metered) -> Reading | None:
        """None of a run that has not started anything yet, or of which nothing lives any more.

        The supervisor counts as well, for the sake of what it has reaped; but not its memory, in the tree's way. Of the
        group's processor time and the tree's the larger one is nearer: one misses who has left the group, the other
        whom nobody has waited for.
        """
        tree = self._processes.tree(run.supervisor.pid)
        if len(tree) < 2 or not run.is_in(tree):
            return None
        transfers = [moved for process in tree if (moved := transfers_of(process.pid)) is not None]
        pids = tuple(process.pid for process in tree[1:] if process.alive)
        traffic, scope = self._network(run, tree)
        return Reading(
            at_ns=self._at_ns,
            cpu_ns=max(sum(process.cpu_ns for process in tree), run.group.cpu_ns() or 0),
            memory_bytes=_memory(run.group, pids),
            receive_bytes=traffic.received if traffic is not None else None,
            transmit_bytes=traffic.sent if traffic is not None else None,
            network_scope=scope,
            read_bytes=sum(moved.read for moved in transfers) if transfers else None,
            write_bytes=sum(moved.written for moved in transfers) if transfers else None,
            pids=pids,
        )

    def _network(self, run: Metered, tree: Sequence[Process]) -> tuple[Traffic | None, Literal["run", "host"]]:
        """Of the namespace that the command has for itself, else of the run's group, else the machine's."""
        leader = min((process for process in tree[1:] if process.parent == tree[0].pid), key=_age, default=None)
        if leader is not None and namespace_of(leader.pid) not in (None, self._namespace):
            return carried(leader.pid), "run"
        traffic = run.group.traffic()
        if traffic is not None:
            return traffic, "run"
        return totals.since(run.supervisor.facts, self._host), "host"


def _memory(group: Group, pids: Sequence[int]) -> int | None:
    """The group's, and the shares of those who have left it."""
    memory = group.memory_bytes()
    return _shares(pids) if memory is None else memory + (_shares(group.outside(pids)) or 0)


def _shares(pids: Sequence[int]) -> int | None:
    """Of the memory that these processes have mapped; none if none of them may be looked at."""
    shares = [share for pid in pids if (share := memory_of(pid)) is not None]
    return sum(shares) if shares else None


def _age(process: Process) -> tuple[int, int]:
    return process.started, process.pid
