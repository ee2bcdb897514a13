"""Where a whole job fits: the nodes of one executor that have room for all of its ranks.

A job starts whole or not at all, and an executor answers for whole runs. A job of one rank takes a node by itself; the
ranks of a gang take the nodes of one executor, several on the same node where that is large enough. Both are packed
tightly: the first as it leaves the smallest hole, the second on the fewest nodes.

Where a gang fits is looked for at each executor as a whole, at a cost that grows with the number of its nodes.
"""

from collections.abc import Callable, Iterable, Iterator
from heapq import nsmallest
from typing import NamedTuple

from services.scheduler.domain.fit import Ledger
from services.scheduler.domain.node import Node
from services.scheduler.domain.nodes import Nodes
from services.scheduler.domain.room import Room
from services.scheduler.domain.shape import Shape

Fits = Callable[[Node, Shape], bool]
RanksOf = Callable[[Node, Shape], int]
RoomOf = Callable[[Node, str], Room]
Places = tuple[tuple[str, int], ...]
"""(node, how many ranks there), in the order of the ranks."""


Cost = tuple[int | str, ...]
"""What is left of a ground, smallest first; compared between sites of one shape."""


class Site(NamedTuple):
    """Places for all ranks of a job."""

    cost: Cost
    places: Places


class Sites:
    """Finds sites for the jobs of one shape, within one plan.

    A ground is what one job may spread over: the name of a node, or of an executor for a gang.
    """

    def __init__(self, ledger: Ledger, nodes: Nodes, shape: Shape) -> None:
        self._ledger = ledger
        self._nodes = nodes
        self._shape = shape

    def all(self) -> Iterable[str]:
        """Every ground."""
        return self._nodes.executors if self._shape.gang else self._nodes.table

    def preemptible(self, grounds: Iterable[str]) -> list[str]:
        """Those on which somebody may be told to leave."""
        table = self._nodes.table
        if self._shape.gang:
            return [ground for ground in grounds if any(node.preemptible for node in self.nodes(ground))]
        return [ground for ground in grounds if table[ground].preemptible]

    def of(self, names: Iterable[str]) -> Iterable[str]:
        """The grounds that these nodes belong to."""
        table = self._nodes.table
        known = [name for name in names if name in table]
        return dict.fromkeys(table[name].executor for name in known) if self._shape.gang else known

    def nodes(self, ground: str) -> Iterator[Node]:
        """The nodes of a ground."""
        names = self._nodes.executors.get(ground, ()) if self._shape.gang else (ground,)
        yield from map(self._nodes.table.__getitem__, names)

    def now(self, ground: str) -> Site | None:
        """Where the job may start at once."""
        return next((site for site, _ in self.all_now((ground,))), None)

    def later(self, ground: str) -> Site | None:
        """Where it may start when those who are leaving have left."""
        return next((site for site, _ in self.all_later((ground,))), None)

    def all_now(self, grounds: Iterable[str]) -> list[tuple[Site, str]]:
        """The same for those of these grounds that have room; a scan over many nodes."""
        if self._shape.gang:
            return self._packed(grounds, self._ledger.ranks_now, self._ledger.now)
        return self._single(grounds, self._ledger.fits_now, self._ledger.now)

    def all_later(self, grounds: Iterable[str]) -> list[tuple[Site, str]]:
        if self._shape.gang:
            return self._packed(grounds, self._ledger.ranks_later, self._ledger.later)
        return self._single(grounds, self._ledger.fits_later, self._ledger.later)

    def still_later(self, places: Places) -> bool:
        """Whether waiting there for those who are leaving is enough."""
        table, ledger = self._nodes.table, self._ledger
        return all(name in table and ledger.ranks_later(table[name], self._shape) >= ranks for name, ranks in places)

    def _single(self, grounds: Iterable[str], fits: Fits, room: RoomOf) -> list[tuple[Site, str]]:
        table, shape, cost = self._nodes.table, self._shape, self._ledger.cost
        able = [node for name in grounds if fits(node := table[name], shape)]
        return [(Site(cost(node, shape, room(node, shape.device_type)), ((node.name, 1),)), node.name) for node in able]

    def _packed(self, grounds: Iterable[str], ranks: RanksOf, room: RoomOf) -> list[tuple[Site, str]]:
        found = ((self._pack(ground, ranks, room), ground) for ground in grounds)
        return [(site, ground) for site, ground in found if site is not None]

    def _pack(self, ground: str, ranks_of: RanksOf, room: RoomOf) -> Site | None:
        """Fill the nodes that take the most ranks; what is left goes where it leaves the smallest hole."""
        shape = self._shape
        able = [(ranks, node) for node in self.nodes(ground) if (ranks := ranks_of(node, shape))]
        if sum(ranks for ranks, _ in able) < shape.nodes:
            return None

        def hole(node: Node, ranks: int) -> Cost:
            return self._ledger.cost(node, shape, room(node, shape.device_type), ranks)

        places: list[tuple[str, int]] = []
        left = shape.nodes
        fullest = nsmallest(shape.nodes, able, key=lambda one: (-one[0], hole(one[1], one[0])))
        for ranks, node in fullest:
            if ranks >= left:
                break
            places.append((node.name, ranks))
            left -= ranks
        used = dict(places)
        last = min((hole(node, left), node.name) for ranks, node in able if ranks >= left and node.name not in used)
        return Site((len(places), *last[0]), (*places, (last[1], left)))
