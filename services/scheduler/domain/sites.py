"""Where a whole job fits: on one node, or for a gang on the nodes of one executor.

A job starts whole or not at all, and an executor answers for whole runs, so the ranks of a job have the same one. What
one job may spread over is a ground: for a job of one rank a node by itself (`singles.py`), for a gang all nodes of an
executor (`gangs.py`).
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple, Protocol

from services.scheduler.domain.victims import Victim

Places = tuple[tuple[str, int], ...]
"""(node, how many ranks there), in the order of the ranks."""

Cost = tuple[int | str, ...]
"""What is left of a ground, smallest first; compared between sites of one shape."""


class Site(NamedTuple):
    """Places for all ranks of a job, and the ground that they are on."""

    cost: Cost
    places: Places
    ground: str


class Sites(Protocol):
    """Finds sites for the jobs of one shape, within one plan. Grounds go by the names of their node or executor."""

    def all(self) -> Iterable[str]:
        """Every ground."""

    def of(self, nodes: Iterable[str]) -> Iterable[str]:
        """The grounds of these nodes."""

    def now(self, grounds: Iterable[str]) -> list[Site]:
        """Where a job may start at once: the best on each of these grounds that has room."""

    def later(self, grounds: Iterable[str]) -> list[Site]:
        """Where it may when those who are leaving have left."""

    def still_later(self, places: Places) -> bool:
        """Whether waiting there for those who are leaving is enough."""

    def victims(self, grounds: Iterable[str], priority: int, now: datetime) -> Iterator[tuple[str, tuple[Victim, ...]]]:
        """Whose leaving would make room for a job of this priority, on each ground where that is so."""
