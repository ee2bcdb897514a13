"""How many may be in at one time: in total, and of one, so that nobody keeps all others out."""

import contextlib
from collections import Counter
from collections.abc import Iterator


class Shares:
    """Counts who is in, by what they have in common: an address, a user, a run."""

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._of: Counter[str] = Counter()
        self._all = 0

    def enter(self, one: str) -> bool:
        """Whether there is room for one more, who then counts until `leave`."""
        if self._all >= self._most or self._of[one] >= self._most_of_one:
            return False
        self._of[one] += 1
        self._all += 1
        return True

    def leave(self, one: str) -> None:
        """One fewer."""
        self._all -= 1
        self._of[one] -= 1
        if self._of[one] <= 0:
            del self._of[one]

    @contextlib.contextmanager
    def held(self, one: str, full: Exception) -> Iterator[None]:
        """One more for as long; raises `full` when there is no room."""
        if not self.enter(one):
            raise full
        try:
            yield
        finally:
            self.leave(one)
