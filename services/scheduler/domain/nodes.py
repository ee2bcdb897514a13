"""All nodes: who reported, who fell silent, and where room may have appeared.

`revision` counts the changes that could make room for somebody, each noted at its node, so that a plan looks only at
the nodes that improved since the last one. All times are monotonic seconds of this process, never a node's own clock.
"""

from collections import Counter
from collections.abc import Iterator

from services.scheduler.domain.node import Node
from services.scheduler.domain.room import Holding, Place
from shared.contracts.events import NodeReported

SILENT_AFTER_S = 30.0
"""A node that has not reported for this long gets no new placements."""

FORGET_AFTER_S = 3600.0
"""A node that is silent for this long and holds nothing does not belong to the yard any more."""


class Nodes:
    """The nodes by name. `changes` counts, in the same way, everything that an explanation could show."""

    def __init__(self) -> None:
        self.table: dict[str, Node] = {}
        self.executors: dict[str, dict[str, None]] = {}
        """The nodes of each executor, of those that have reported."""
        self.revision = 1
        self.changes = 0
        self._improved: dict[str, int] = {}
        self._changed: dict[str, int] = {}
        self._seen: dict[str, float] = {}
        self._silent: dict[str, float] = {}
        self._resting: set[str] = set()

    def __getitem__(self, name: str) -> Node:
        """A node; one that has not reported yet is known by name only."""
        return self.table.setdefault(name, Node(name))

    def improve(self, name: str) -> None:
        """Room may have appeared on this node."""
        self.revision += 1
        _note(self._improved, name, self.revision)
        self._change(name)

    def improved_since(self, revision: int) -> Iterator[str]:
        """The nodes on which room may have appeared since then, the latest first."""
        return _since(self._improved, revision)

    def changed_since(self, change: int) -> Iterator[str]:
        """The nodes that look different since then; one that is not in the table any more is gone."""
        return _since(self._changed, change)

    def devices(self) -> Counter[str]:
        """How many devices of each type the nodes have that report, closed or open."""
        found: Counter[str] = Counter()
        for node in self.table.values():
            if node.inventory is not None and not node.silent:
                found.update(node.inventory.devices)
        return found

    # --- reports

    def report(self, report: NodeReported, now: float) -> None:
        """A node says what it has."""
        node = self[report.node]
        self._seen.pop(report.node, None)
        self._seen[report.node] = now
        self._silent.pop(report.node, None)
        if node.report is None or node.executor != report.answerer:
            self._leave(node)
            self.executors.setdefault(report.answerer, {})[node.name] = None
        if node.describe(report) or node.silent:
            node.silent = False
            self.improve(report.node)

    def lose(self, name: str, now: float) -> bool:
        """Its report has expired or was withdrawn: it is silent from now on. False if it was already."""
        if self._seen.pop(name, None) is None:
            return False
        self.table[name].silent = True
        self._silent[name] = now
        self._change(name)
        return True

    # --- time

    def advance(self, now: float) -> bool:
        """Nodes fall silent and rests end; True if one fell silent."""
        lost = False
        while self._seen:
            name, seen = next(iter(self._seen.items()))
            if seen > now - SILENT_AFTER_S:
                break
            lost |= self.lose(name, now)
        for name in [name for name in self._resting if self.table[name].rests.wake(now)]:
            self.table[name].recount()
            self.improve(name)
            if not self.table[name].rests:
                self._resting.discard(name)
        while self._silent:
            name, since = next(iter(self._silent.items()))
            if since > now - FORGET_AFTER_S:
                break
            del self._silent[name]
            self._forget(name, now)
        return lost

    def _forget(self, name: str, now: float) -> None:
        if self.table[name].holdings:
            self._silent[name] = now
        else:
            self._remove(name)

    def _leave(self, node: Node) -> None:
        """Its executor has it no longer."""
        own = self.executors.get(node.executor, {})
        own.pop(node.name, None)
        if not own:
            self.executors.pop(node.executor, None)

    def _remove(self, name: str) -> None:
        self._leave(self.table.pop(name))
        self._improved.pop(name, None)
        self._resting.discard(name)
        self._change(name)

    @property
    def resting(self) -> bool:
        """Whether a rest is going on somewhere, whose end will matter."""
        return bool(self._resting)

    # --- holdings

    def hold(self, name: str, holding: Holding) -> None:
        """Take room on a node. One that may be preempted, or is leaving, is room for somebody else."""
        self[name].hold(holding)
        self._change(name)
        if holding.preemptible or holding.leaving:
            self.improve(name)

    def release(self, name: str, holding: Holding) -> None:
        """Give room back."""
        node = self.table[name]
        node.release(holding)
        self.improve(name)
        if node.report is None and not node.holdings:
            self._remove(name)

    def refuse(self, name: str, places: tuple[Place, ...], now: float) -> None:
        """What was placed there could not start."""
        node = self[name]
        node.rests.refuse(places, now)
        node.recount()
        self._resting.add(name)
        self._change(name)

    def _change(self, name: str) -> None:
        self.changes += 1
        _note(self._changed, name, self.changes)


def _note(notes: dict[str, int], name: str, at: int) -> None:
    notes.pop(name, None)
    notes[name] = at


def _since(notes: dict[str, int], past: int) -> Iterator[str]:
    for name, at in reversed(notes.items()):
        if at <= past:
            return
        yield name
