"""How often is too often: a sliding window per key, in memory."""

from collections import OrderedDict, deque

KEYS_KEPT = 10_000
"""Beyond that, the key that was quiet for longest is forgotten: invented names must not fill the memory."""


class Throttle:
    """At most `limit` events per key within `window_s` seconds. `now` is a monotonic count of seconds."""

    def __init__(self, limit: int, window_s: float = 60.0) -> None:
        self._limit = limit
        self._window_s = window_s
        self._events: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, key: str, now: float, count: int = 1) -> float:
        """Seconds until `count` more events are allowed; 0: now. More than the limit never are: ask for no more."""
        events = self._events.get(key)
        if events is None:
            return 0.0
        while events and events[0] <= now - self._window_s:
            events.popleft()
        if not events:
            del self._events[key]
            return 0.0
        in_the_way = len(events) + min(count, self._limit) - self._limit
        return 0.0 if in_the_way <= 0 else events[in_the_way - 1] + self._window_s - now

    def add(self, key: str, now: float, count: int = 1) -> None:
        """Count events."""
        events = self._events.setdefault(key, deque(maxlen=self._limit))
        events.extend([now] * min(count, self._limit))
        self._events.move_to_end(key)
        if len(self._events) > KEYS_KEPT:
            self._events.popitem(last=False)

    def take_back(self, key: str, moment: float) -> None:
        """Uncount an event that was added at this moment."""
        events = self._events.get(key)
        if events and moment in events:
            events.remove(moment)
