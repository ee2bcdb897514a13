"""Rests: a node that refused a start as busy is not asked again at once.

The devices that it refused (the whole node, for a job without devices) are left alone for a time that doubles with
every further refusal, until a run starts there. Short rests are waited out; a place that refuses again and again is
not counted on.
"""

from collections.abc import Iterable
from math import ldexp

from services.scheduler.domain.room import WHOLE, Place

FIRST_REST_S = 0.5
LONGEST_REST_S = 60.0
BRIEF_RESTS = 3
"""So many refusals in a row are waited out."""


class Rests:
    """What rests on one node. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._refusals: dict[Place, int] = {}
        self._until: dict[Place, float] = {}

    def __bool__(self) -> bool:
        """Whether anything rests."""
        return bool(self._until)

    def __contains__(self, place: Place) -> bool:
        return place in self._until

    @property
    def closed(self) -> bool:
        """Whether the node rests as a whole."""
        return WHOLE in self._until

    @property
    def reliable(self) -> bool:
        """Whether the node as a whole may be counted on."""
        return self._refusals.get(WHOLE, 0) <= BRIEF_RESTS

    def of(self, device_type: str) -> tuple[int, ...]:
        """The devices of this type that rest."""
        return tuple(index for name, index in self._until if name == device_type and index >= 0)

    def brief(self, device_type: str, indices: Iterable[int]) -> int:
        """How many of these devices rest, but not for long."""
        places = ((device_type, index) for index in indices)
        return sum(place in self._until and self._refusals[place] <= BRIEF_RESTS for place in places)

    def refuse(self, places: tuple[Place, ...], now: float) -> None:
        """A start there was refused."""
        count = 1 + max(self._refusals.get(place, 0) for place in places)
        rest = LONGEST_REST_S if count > 10 else min(ldexp(FIRST_REST_S, count - 1), LONGEST_REST_S)
        for place in places:
            self._refusals[place] = count
            self._until[place] = now + rest

    def trust(self, places: tuple[Place, ...]) -> None:
        """A run has started there: earlier refusals do not count any more."""
        for place in places:
            if place not in self._until:
                self._refusals.pop(place, None)

    def wake(self, now: float) -> bool:
        """End the rests that are over; True if there were any."""
        over = [place for place, until in self._until.items() if until <= now]
        for place in over:
            del self._until[place]
        return bool(over)
