"""Who has to make room: as few as possible, and those who lose least.

Of the preemptible jobs of strictly lower priority, the lowest priority goes first, then whoever loses the fewest
device-seconds, that is the latest started; a gang loses those of all its ranks, and leaves with all of them. The set is
minimal: without any one of them there would be no room. A minimum run time and a bound on how often one job is
preempted will be further conditions in `candidates`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from services.scheduler.domain.fit import Ledger
from services.scheduler.domain.node import Node
from services.scheduler.domain.room import Holding, Room
from services.scheduler.domain.shape import Shape

Loss = tuple[int, float, int]
"""What a set of victims costs: the highest priority among them, device-seconds lost, how many they are."""


class Victim(NamedTuple):
    """A job that may be told to leave, in the order in which they are; compared by its first three fields."""

    priority: int
    lost: float
    job: str
    room: Room
    """What it gives back on one node."""


def candidates(ledger: Ledger, node: Node, shape: Shape, priority: int, now: datetime) -> list[Victim]:
    """Who may be told to leave this node for a job of this shape and priority, whoever goes first in front."""
    told = ledger.victims(node.name)
    found: dict[str, Victim] = {}
    for holding in node.holdings.values():
        if holding.preemptible and not holding.leaving and holding.priority < priority and holding.job not in told:
            room = holding.room(shape.device_type)
            if before := found.get(holding.job):
                room = room.plus(before.room)
            found[holding.job] = Victim(holding.priority, _lost(holding, now), holding.job, room)
    return sorted(found.values())


def choose(shape: Shape, ranks: int, room: Room, victims: Sequence[Victim]) -> tuple[Victim, ...] | None:
    """Those of a node whose leaving makes `room` large enough for so many ranks, or None if all are not enough."""
    chosen: list[Victim] = []
    for victim in victims:
        if room.ranks(shape) >= ranks:
            break
        chosen.append(victim)
        room = room.plus(victim.room)
    if room.ranks(shape) < ranks:
        return None
    for victim in reversed(chosen[:]):
        without = room.minus(victim.room)
        if without.ranks(shape) >= ranks:
            chosen.remove(victim)
            room = without
    return tuple(chosen)


def loss(victims: Iterable[Victim]) -> Loss:
    """For choosing between nodes, or executors."""
    told = tuple(victims)
    return max(victim.priority for victim in told), sum(victim.lost for victim in told), len(told)


def _lost(holding: Holding, now: datetime) -> float:
    seconds = (now - holding.since).total_seconds() if holding.since is not None else 0.0
    return max(len(holding.devices), 1) * holding.ranks * max(seconds, 0.0)
