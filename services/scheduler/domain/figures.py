"""What the yard has of what a shape asks for: the figures that stand in a reason.

Many nodes look alike, so they are grouped by what they have and what is free, and a shape is compared with the
groups. The groups follow the nodes' changes, so that an explanation does not look at every node again.
"""

from collections.abc import Iterable
from functools import reduce
from typing import NamedTuple

from services.scheduler.domain.node import Node
from services.scheduler.domain.nodes import Nodes
from services.scheduler.domain.room import NOTHING, Room
from services.scheduler.domain.shape import Shape
from shared.contracts.job import CPU


class Look(NamedTuple):
    """How a node looks to jobs of one device type."""

    executor: str | None
    """Who answers for it and its fellows; None: it stands by itself."""
    silent: bool
    closed: bool
    """It rests as a whole."""
    resting: int
    """So many of its devices rest, held by nobody."""
    holders: int
    """So many jobs hold some of the devices there; for `cpu`, so many hold anything. Each counts where rank 0 is."""
    whole: Room
    """What it would have if it were open and nobody but runs used it."""
    total: Room
    """What it has for runs."""
    free: Room
    leaving: Room


class Sums(NamedTuple):
    """Over all nodes that report."""

    holders: int
    resting: int
    """Devices that nobody holds and that are left alone for a time."""
    total: Room
    free: Room
    leaving: Room
    largest: Room
    """The most that is free on one node, of each amount; not one node need have all of them."""


class Figures:
    """The nodes that have reported at least once, grouped by how they look to one device type."""

    def __init__(self, nodes: Nodes, device_type: str) -> None:
        self._nodes = nodes
        self._device_type = device_type
        self._seen = -1
        self._looks: dict[str, Look] = {}
        self.groups: dict[Look, dict[str, None]] = {}
        self.sums = _sums({})

    def refresh(self) -> None:
        """Look again at the nodes that changed."""
        for name in self._nodes.changed_since(self._seen):
            before = self._looks.pop(name, None)
            if before is not None:
                self.groups[before].pop(name)
                if not self.groups[before]:
                    del self.groups[before]
            node = self._nodes.table.get(name)
            if node is not None and node.report is not None:
                self._looks[name] = look = _look(node, self._device_type)
                self.groups.setdefault(look, {})[name] = None
        if self._seen != self._nodes.changes:
            self._seen = self._nodes.changes
            self.sums = _sums(self.groups)

    def capable(self, shape: Shape) -> dict[Look, dict[str, None]]:
        """The nodes that are large enough for one rank, were they open and empty."""
        return {look: names for look, names in self.groups.items() if look.whole.fits(shape)}


def largest(rooms: Iterable[Room]) -> Room:
    """The largest of each amount."""
    return reduce(lambda one, other: Room(*map(max, one, other)), rooms, NOTHING)


def _look(node: Node, device_type: str) -> Look:
    return Look(
        executor=node.report.executor if node.report is not None else None,
        silent=node.silent,
        closed=node.rests.closed,
        resting=node.resting(device_type),
        holders=sum(node.holders.values()) if device_type == CPU else node.holders.get(device_type, 0),
        whole=node.whole(device_type),
        total=node.total(device_type),
        free=node.room(device_type),
        leaving=node.being_left(device_type),
    )


def _sums(groups: dict[Look, dict[str, None]]) -> Sums:
    alive = [(look, len(names)) for look, names in groups.items() if not look.silent]

    def total(rooms: Iterable[tuple[Room, int]]) -> Room:
        return reduce(lambda so_far, room: so_far.plus(Room(*(part * room[1] for part in room[0]))), rooms, NOTHING)

    return Sums(
        holders=sum(look.holders * count for look, count in alive),
        resting=sum(look.resting * count for look, count in alive),
        total=total((look.total, count) for look, count in alive),
        free=total((look.free, count) for look, count in alive),
        leaving=total((look.leaving, count) for look, count in alive),
        largest=largest(look.free for look, _ in alive),
    )
