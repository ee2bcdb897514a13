"""How many may be connected who have not said who they are: enough for everybody, too few to hurt."""

from collections import Counter

MOST = 100
MOST_OF_ONE = 25
"""From one address, so that one machine does not keep all others out."""


class Strangers:
    """Connections that are not authenticated yet, by their address."""

    def __init__(self, most: int = MOST, most_of_one: int = MOST_OF_ONE) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._from: Counter[str] = Counter()

    def enter(self, address: str) -> bool:
        """Whether there is room for one more, who then counts until `leave`."""
        if self._from.total() >= self._most or self._from[address] >= self._most_of_one:
            return False
        self._from[address] += 1
        return True

    def leave(self, address: str) -> None:
        """One is known now, or gone."""
        self._from[address] -= 1
        if self._from[address] <= 0:
            del self._from[address]
