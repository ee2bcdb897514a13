"""Sites of jobs with several ranks: the fewest nodes of one executor, several ranks on a node where they fit.

An executor is looked at as a whole, at a cost that grows with the number of its nodes.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from heapq import nsmallest

from services.scheduler.domain.fit import Ledger
from services.scheduler.domain.node import Node
from services.scheduler.domain.nodes import Nodes
from services.scheduler.domain.reclaim import Purchase
from services.scheduler.domain.room import Room
from services.scheduler.domain.shape import Shape
from services.scheduler.domain.sites import Cost, Places, Site
from services.scheduler.domain.victims import Victim, candidates

Ranks = Callable[[Node, Shape], int]
RoomOn = Callable[[Node, str], Room]


class Gangs:
    """A ground is an executor."""

    def __init__(self, ledger: Ledger, nodes: Nodes, shape: Shape) -> None:
        self._ledger = ledger
        self._nodes = nodes
        self._shape = shape

    def all(self) -> Iterable[str]:
        return self._nodes.executors

    def of(self, nodes: Iterable[str]) -> Iterable[str]:
        table = self._nodes.table
        return dict.fromkeys(table[name].executor for name in nodes)

    def now(self, grounds: Iterable[str]) -> list[Site]:
        sites = (self._site(ground, self._ledger.ranks_now, self._ledger.now) for ground in grounds)
        return [site for site in sites if site is not None]

    def later(self, grounds: Iterable[str]) -> list[Site]:
        sites = (self._site(ground, self._ledger.ranks_later, self._ledger.later) for ground in grounds)
        return [site for site in sites if site is not None]

    def still_later(self, places: Places) -> bool:
        table, ranks_later = self._nodes.table, self._ledger.ranks_later
        if not all(name in table and ranks_later(table[name], self._shape) >= ranks for name, ranks in places):
            return False
        return len({table[name].executor for name, _ in places}) == 1

    def victims(self, grounds: Iterable[str], priority: int, now: datetime) -> Iterator[tuple[str, tuple[Victim, ...]]]:
        ledger, shape = self._ledger, self._shape
        for ground in grounds:
            able = [node for node in self._on(ground) if node.reachable(shape)]
            if any(node.preemptible for node in able):
                rooms = {node.name: ledger.later(node, shape.device_type) for node in able}
                lists = {node.name: candidates(ledger, node, shape, priority, now) for node in able}
                if found := Purchase(shape, rooms, lists).run():
                    yield ground, found

    def _on(self, ground: str) -> Iterable[Node]:
        return map(self._nodes.table.__getitem__, self._nodes.executors.get(ground, ()))

    def _site(self, ground: str, ranks_on: Ranks, room: RoomOn) -> Site | None:
        """Fill the nodes that take the most ranks; what is left goes where it leaves the smallest hole."""
        shape = self._shape
        able = [(ranks, node) for node in self._on(ground) if (ranks := ranks_on(node, shape))]
        if sum(ranks for ranks, _ in able) < shape.nodes:
            return None

        def hole(node: Node, ranks: int) -> Cost:
            return self._ledger.cost(node, shape, room(node, shape.device_type), ranks)

        places: dict[str, int] = {}
        left = shape.nodes
        for ranks, node in nsmallest(shape.nodes, able, key=lambda one: (-one[0], hole(one[1], one[0]))):
            if ranks >= left:
                break
            places[node.name] = ranks
            left -= ranks
        cost, last = min(
            (hole(node, left), node.name) for ranks, node in able if ranks >= left and node.name not in places
        )
        places[last] = left
        return Site((len(places), *cost), tuple(places.items()), ground)
