"""Who has to make room: as few as possible, and those who lose least.

Of a node's preemptible jobs of strictly lower priority, the lowest priority goes first, then whoever loses the fewest
device-seconds, that is the latest started. The set is minimal: without any one of them there would be no room. A
minimum run time and a bound on how often one job is preempted will be further conditions in `candidates`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from services.scheduler.domain.fit import Ledger
from services.scheduler.domain.node import Node
from services.scheduler.domain.room import Holding, Room
from services.scheduler.domain.shape import Shape

Loss = tuple[int, float, int]
"""What a set of victims costs: the highest priority among them, device-seconds lost, how many they are."""


def candidates(ledger: Ledger, node: Node, priority: int) -> list[Holding]:
    """What may be taken from this node for a job of this priority."""
    told = ledger.victims(node.name)
    return [
        holding
        for holding in node.holdings.values()
        if holding.preemptible and not holding.leaving and holding.priority < priority and holding.job not in told
    ]


def choose(shape: Shape, room: Room, holdings: Iterable[Holding], now: datetime) -> tuple[Holding, ...] | None:
    """The victims whose leaving makes `room` large enough for one rank, or None if all of them are not enough."""
    chosen: list[Holding] = []
    have = room
    for holding in sorted(holdings, key=lambda holding: (holding.priority, _lost(holding, now), holding.job)):
        if have.fits(shape):
            break
        chosen.append(holding)
        have = have.plus(holding.room(shape.device_type))
    if not have.fits(shape):
        return None
    for holding in list(reversed(chosen)):
        without = have.minus(holding.room(shape.device_type))
        if without.fits(shape):
            chosen.remove(holding)
            have = without
    return tuple(chosen)


def loss(victims: Sequence[Holding], now: datetime) -> Loss:
    """For choosing between nodes."""
    return max(victim.priority for victim in victims), sum(_lost(victim, now) for victim in victims), len(victims)


def _lost(holding: Holding, now: datetime) -> float:
    seconds = (now - holding.since).total_seconds() if holding.since is not None else 0.0
    return max(len(holding.devices), 1) * max(seconds, 0.0)
