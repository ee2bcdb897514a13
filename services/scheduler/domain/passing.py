"""Who was passed by whom: the latest starts, each with its place in the queue, and the queue's last change before.

No place is kept for a job that waits, so jobs behind it that fit may start before it, again and again. A reason that
did not say so would let its owner believe that waiting is enough.
"""

from collections import deque
from itertools import takewhile
from typing import NamedTuple

from services.scheduler.domain.order import Key, key_of
from services.scheduler.domain.shape import Shape
from shared.contracts.job import JobView

KEPT = 100
"""A reason counts no further, so that a page of a hundred jobs is explained in a few milliseconds."""


class _Start(NamedTuple):
    number: int
    key: Key
    device_type: str


class Passing:
    """Starts and joinings, numbered in the order in which they came."""

    def __init__(self) -> None:
        self._starts: deque[_Start] = deque(maxlen=KEPT)
        self._joined: dict[str, int] = {}
        self._number = 0

    def join(self, id: str) -> None:
        """A job takes its place in line."""
        self._joined[id] = self._number

    def leave(self, id: str) -> None:
        self._joined.pop(id, None)

    def start(self, view: JobView) -> None:
        """A job that waited, as it was then, has its place on a node."""
        self._number += 1
        self._starts.append(_Start(self._number, key_of(view), view.device_type))

    def of(self, id: str, key: Key, shape: Shape, *, devices_only: bool) -> int:
        """How many jobs behind this one have started since it took its place, at most KEPT.

        `devices_only`: of those alone that took devices of its type, since it is these that it waits for.
        """
        since = self._joined.get(id, self._number)
        later = takewhile(lambda start: start.number > since, reversed(self._starts))
        return sum(start.key > key and (not devices_only or start.device_type == shape.device_type) for start in later)
