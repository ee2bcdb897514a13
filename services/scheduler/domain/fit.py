"""Where a rank fits: what a plan has taken, promised and freed so far, beside what the snapshot says of a node.

A job is placed where its room is free, and where that leaves everybody their promised room: what is free and what is
being given back, less what is promised, must still be enough. So a small job may use free devices on a node where
others are leaving, as long as the one for whom they leave is not held up.
"""

from dataclasses import dataclass, field

from services.scheduler.domain.node import Node
from services.scheduler.domain.nodes import Nodes
from services.scheduler.domain.room import NOTHING, Holding, Room, need
from services.scheduler.domain.shape import Shape

Cost = tuple[int, int, int, int, str]
"""What would be left on a node, smallest first: its own devices, any devices, cpus, memory; then the name."""


@dataclass
class Account:
    """One node's sums within a plan: devices by type, cpus and memory together."""

    devices: dict[str, int] = field(default_factory=dict)
    rest: Room = NOTHING

    def add(self, device_type: str, room: Room) -> None:
        self.devices[device_type] = self.devices.get(device_type, 0) + room.devices
        self.rest = self.rest.plus(room)

    def room(self, device_type: str) -> Room:
        return self.rest._replace(devices=self.devices.get(device_type, 0))


@dataclass
class Book:
    """What a plan has decided on one node."""

    taken: Account = field(default_factory=Account)
    promised: Account = field(default_factory=Account)
    freed: Account = field(default_factory=Account)
    victims: set[str] = field(default_factory=set)


class Ledger:
    """The books of all nodes that a plan has touched. The snapshot itself is not changed."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._books: dict[str, Book] = {}
        self.reopened: list[str] = []
        """Nodes on which this plan itself made room for somebody; the last may stand there again."""

    def book(self, name: str) -> Book:
        return self._books.setdefault(name, Book())

    def victims(self, name: str) -> set[str]:
        book = self._books.get(name)
        return book.victims if book is not None else set()

    def now(self, node: Node, device_type: str) -> Room:
        """What is free on a node and not taken by this plan."""
        book = self._books.get(node.name)
        room = node.room(device_type)
        return room if book is None else room.minus(book.taken.room(device_type))

    def later(self, node: Node, device_type: str) -> Room:
        """What will be free when those who are leaving have left, and is not promised."""
        room = node.later(device_type)
        book = self._books.get(node.name)
        if book is None:
            return room
        room = room.minus(book.taken.room(device_type)).minus(book.promised.room(device_type))
        return room.plus(book.freed.room(device_type))

    def fits_now(self, node: Node, shape: Shape) -> bool:
        """Whether a rank of this shape may start on the node at once."""
        if not node.fits_now(shape):
            return False
        if node.name not in self._books:
            return True
        return self.now(node, shape.device_type).fits(shape) and self.later(node, shape.device_type).fits(shape)

    def ranks_now(self, node: Node, shape: Shape) -> int:
        """How many ranks of this shape may start on the node at once."""
        if not node.fits_now(shape):
            return 0
        ranks = self.now(node, shape.device_type).ranks(shape)
        return min(ranks, self.later(node, shape.device_type).ranks(shape)) if node.name in self._books else ranks

    def fits_later(self, node: Node, shape: Shape) -> bool:
        """Whether waiting for those who are leaving is enough."""
        if node.name not in self._books:
            return node.fits_later(shape)
        return node.reachable(shape) and self.later(node, shape.device_type).fits(shape)

    def ranks_later(self, node: Node, shape: Shape) -> int:
        """For how many ranks it is enough to wait for those who are leaving."""
        return self.later(node, shape.device_type).ranks(shape) if self.fits_later(node, shape) else 0

    def take(self, node: Node, shape: Shape) -> tuple[int, ...]:
        """Take one rank's room that fits; the lowest free indices of its devices."""
        taken = self.book(node.name).taken
        first = taken.devices.get(shape.device_type, 0)
        taken.add(shape.device_type, need(shape))
        return tuple(node.free.get(shape.device_type, [])[first : first + shape.devices])

    def promise(self, name: str, shape: Shape, ranks: int) -> None:
        """Keep the room of so many ranks for a job that waits for it."""
        self.book(name).promised.add(shape.device_type, need(shape, ranks))

    def free(self, name: str, holding: Holding) -> None:
        """Count on what a victim gives back."""
        book = self.book(name)
        book.victims.add(holding.job)
        book.freed.add(holding.device_type, holding.room(holding.device_type))
        self.reopened.append(name)

    def cost(self, node: Node, shape: Shape, room: Room, ranks: int = 1) -> Cost:
        """How much of a hole remains if so many ranks take their share of `room`."""
        hole = room.minus(need(shape, ranks))
        return hole.devices, node.free_devices, hole.milli_cpus, hole.memory_mib, node.name
