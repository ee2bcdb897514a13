"""What was read a moment ago: a cache whose entries count for FRESH_S only, so that changes count on every replica.

Whoever is taken for what they were is so for at most FRESH_S in each of two steps: the account, and within it the
policies of its virtual clusters. An open stream goes on for at most UNKNOWN_S (`watch.py`) after that, also when the
store hangs. Together they stay under the 5 s in which a right that was taken away has to be gone.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from shared.clock import Clock

V = TypeVar("V")

FRESH_S = 1.0
KEPT = 10_000


class Fresh(Generic[V]):
    """Values by key, read again when they are older than FRESH_S."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, V]] = OrderedDict()

    async def get(self, key: str, read: Callable[[], Awaitable[V]]) -> V:
        """The value as of at most FRESH_S ago. The age counts from before the reading."""
        now = self._clock.monotonic()
        known = self._known.get(key)
        if known is not None and now - known[0] < FRESH_S:
            return known[1]
        value = await read()
        self._known[key] = (now, value)
        self._known.move_to_end(key)
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
        return value

    def forget(self, key: str) -> None:
        """Read it again the next time."""
        self._known.pop(key, None)
