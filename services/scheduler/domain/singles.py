"""Sites of jobs with one rank: the node where it leaves the smallest hole."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from services.scheduler.domain.fit import Ledger
from services.scheduler.domain.node import Node
from services.scheduler.domain.nodes import Nodes
from services.scheduler.domain.room import Room
from services.scheduler.domain.shape import Shape
from services.scheduler.domain.sites import Places, Site
from services.scheduler.domain.victims import Victim, candidates, choose


class Singles:
    """A ground is a node."""

    def __init__(self, ledger: Ledger, nodes: Nodes, shape: Shape) -> None:
        self._ledger = ledger
        self._table = nodes.table
        self._shape = shape

    def all(self) -> Iterable[str]:
        return self._table

    def of(self, nodes: Iterable[str]) -> Iterable[str]:
        return nodes

    def now(self, grounds: Iterable[str]) -> list[Site]:
        table, shape, fits = self._table, self._shape, self._ledger.fits_now
        able = [node for name in grounds if fits(node := table[name], shape)]
        return self._sites(able, self._ledger.now) if able else []

    def later(self, grounds: Iterable[str]) -> list[Site]:
        table, shape, fits = self._table, self._shape, self._ledger.fits_later
        able = [node for name in grounds if fits(node := table[name], shape)]
        return self._sites(able, self._ledger.later) if able else []

    def still_later(self, places: Places) -> bool:
        ((name, _),) = places
        return name in self._table and self._ledger.fits_later(self._table[name], self._shape)

    def victims(self, grounds: Iterable[str], priority: int, now: datetime) -> Iterator[tuple[str, tuple[Victim, ...]]]:
        table, shape = self._table, self._shape
        for node in [node for name in grounds if (node := table[name]).preemptible and node.reachable(shape)]:
            room = self._ledger.later(node, shape.device_type)
            if found := choose(shape, 1, room, candidates(self._ledger, node, shape, priority, now)):
                yield node.name, found

    def _sites(self, able: list[Node], room: Callable[[Node, str], Room]) -> list[Site]:
        shape, cost = self._shape, self._ledger.cost
        return [Site(cost(node, shape, room(node, shape.device_type)), ((node.name, 1),), node.name) for node in able]
