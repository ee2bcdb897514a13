"""What the yard has of what a shape asks for: the figures that stand in a reason.

Many nodes look alike, so they are grouped by what they have and what is free; a shape is compared with the groups.
Built once per device type and change of the yard, it makes a page of explanations cheap.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

from services.scheduler.domain.node import Node
from services.scheduler.domain.room import NOTHING, Room
from services.scheduler.domain.shape import Shape
from shared.contracts.job import CPU


class Look(NamedTuple):
    """How a node looks to jobs of one device type."""

    silent: bool
    closed: bool
    """It rests as a whole."""
    resting: int
    """So many of its devices rest."""
    total: Room
    free: Room
    leaving: Room


@dataclass(frozen=True)
class Figures:
    """All nodes that have reported, grouped by how they look to one device type."""

    device_type: str
    groups: dict[Look, list[str]]
    holders: int
    """How many hold some of this device type on nodes that report; for `cpu`, how many hold anything there."""

    @property
    def alive(self) -> dict[Look, list[str]]:
        return {look: names for look, names in self.groups.items() if not look.silent}

    def capable(self, shape: Shape) -> dict[Look, list[str]]:
        """The nodes that are large enough for one rank, were they empty."""
        return {look: names for look, names in self.groups.items() if look.total.fits(shape)}

    def totals(self) -> tuple[Room, Room, Room]:
        """What the reporting nodes have, what of it is free, and what is being given back."""
        alive = self.alive
        return (
            _sum((look.total, len(names)) for look, names in alive.items()),
            _sum((look.free, len(names)) for look, names in alive.items()),
            _sum((look.leaving, len(names)) for look, names in alive.items()),
        )


def figures(nodes: Iterable[Node], device_type: str) -> Figures:
    """Look at every node once."""
    groups: dict[Look, list[str]] = {}
    holders = 0
    for node in nodes:
        if node.report is None:
            continue
        look = Look(
            silent=node.silent,
            closed=node.rests.closed,
            resting=len(node.rests.of(device_type)) if node.rests else 0,
            total=node.total(device_type),
            free=node.room(device_type),
            leaving=node.being_left(device_type),
        )
        groups.setdefault(look, []).append(node.name)
        if not node.silent:
            holders += len(node.holdings) if device_type == CPU else node.holders.get(device_type, 0)
    return Figures(device_type, groups, holders)


def largest(rooms: Iterable[Room]) -> Room:
    """The largest of each amount; not one node need have all of them."""
    return reduce(lambda one, other: Room(*map(max, one, other)), rooms, NOTHING)


def _sum(rooms: Iterable[tuple[Room, int]]) -> Room:
    def scaled() -> Iterator[Room]:
        for room, count in rooms:
            yield Room(room.devices * count, room.milli_cpus * count, room.memory_mib * count)

    return reduce(Room.plus, scaled(), NOTHING)
