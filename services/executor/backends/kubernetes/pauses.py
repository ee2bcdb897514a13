"""How long to wait before asking a cluster again: longer each time, and not the same for all who wait."""

import random


class Pauses:
    """From about `first_s` on, doubled each time, up to `longest_s`."""

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self.taken = 0

    def next(self) -> float:
        """Seconds: between half of what they have come to and all of it."""
        length = min(self._first_s * 2.0 ** min(self.taken, 32), self._longest_s)
        self.taken += 1
        return random.uniform(length / 2, length)

    def reset(self) -> None:
        """It answers."""
        self.taken = 0
