"""Who makes room for a gang on the nodes of one executor.

The ranks of a gang are bought one by one, each on the node where it costs the least, and at the end whoever is not
needed is spared: the highest priority and the largest loss first. That finds victims whenever there are any, and never
one too many, but not always the cheapest: what else a victim gives back, on this node or on others, is not weighed
when the next rank is bought. A purchase looks again only at the nodes that it changed.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush

from services.scheduler.domain.room import Room
from services.scheduler.domain.shape import Shape
from services.scheduler.domain.victims import Victim, choose, loss

Offer = tuple[tuple[int, float, float], str, int, tuple[Victim, ...]]
"""A further rank on a node: what it costs for each that it brings, the node, and the victims; the number tells whether
it still holds."""


class Purchase:
    """The victims for one gang in the making. `rooms`: what each node will have when those who are leaving have left;
    `victims`: who may be told to leave it, in the order of `candidates`.
    """

    def __init__(self, shape: Shape, rooms: dict[str, Room], victims: dict[str, list[Victim]]) -> None:
        self._shape = shape
        self._rooms = rooms
        self._victims = victims
        self._ranks = {name: room.ranks(shape) for name, room in rooms.items()}
        self._changes = dict.fromkeys(rooms, 0)
        self._chosen: dict[str, Victim] = {}
        self._where: dict[str, dict[str, Room]] = defaultdict(dict)
        for name, found in victims.items():
            for victim in found:
                self._where[victim.job][name] = victim.room

    def run(self) -> tuple[Victim, ...] | None:
        """None if nobody's leaving is enough."""
        offers = [offer for name in self._rooms if (offer := self._offer(name)) is not None]
        heapify(offers)
        while sum(self._ranks.values()) < self._shape.nodes:
            if not offers:
                return None
            _, name, change, victims = heappop(offers)
            if change == self._changes[name]:
                for changed in self._take(victims):
                    if (offer := self._offer(changed)) is not None:
                        heappush(offers, offer)
        return self._needed()

    def _offer(self, name: str) -> Offer | None:
        """The cheapest way to a further rank on this node."""
        left = [victim for victim in self._victims[name] if victim.job not in self._chosen]
        room = self._rooms[name]
        found = choose(self._shape, self._ranks[name] + 1, room, left)
        if not found:
            return None
        for victim in found:
            room = room.plus(victim.room)
        gained = room.ranks(self._shape) - self._ranks[name]
        priority, lost, count = loss(found)
        return (priority, lost / gained, count / gained), name, self._changes[name], found

    def _take(self, victims: Sequence[Victim]) -> Iterable[str]:
        """Count on what they give back; the nodes on which that is."""
        changed: dict[str, None] = {}
        for victim in victims:
            self._chosen[victim.job] = victim
            for name, room in self._where[victim.job].items():
                self._rooms[name] = self._rooms[name].plus(room)
                changed[name] = None
        for name in changed:
            self._ranks[name] = self._rooms[name].ranks(self._shape)
            self._changes[name] += 1
        return changed

    def _needed(self) -> tuple[Victim, ...]:
        """Without whoever is spared."""
        spare = sum(self._ranks.values()) - self._shape.nodes
        for victim in sorted(self._chosen.values(), reverse=True):
            without = {name: self._rooms[name].minus(room) for name, room in self._where[victim.job].items()}
            fewer = {name: room.ranks(self._shape) for name, room in without.items()}
            missing = sum(self._ranks[name] - ranks for name, ranks in fewer.items())
            if missing <= spare:
                del self._chosen[victim.job]
                self._rooms |= without
                self._ranks |= fewer
                spare -= missing
        return tuple(sorted(self._chosen.values()))
