"""The order of the queue: sorted keys that can be added, removed and counted cheaply at a hundred thousand jobs.

The standard library has no sorted container. One sorted list would move megabytes per change, so the keys stand in
chunks of at most `CHUNK` keys; a key's position is the size of the chunks before its own plus its index there.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from itertools import accumulate

from shared.contracts.job import JobView

Key = tuple[int, int, str]
"""(negative priority, milliseconds of the submission, id): the smallest runs first."""

CHUNK = 1000


def key_of(view: JobView) -> Key:
    """Higher priority first, then the earlier submission, then the id. Fair share will stand after the priority."""
    return (-view.state.priority, round(view.submitted_at.timestamp() * 1000), view.id)


class SortedKeys:
    """Distinct keys in order."""

    def __init__(self) -> None:
        self._chunks: list[list[Key]] = []
        self._lasts: list[Key] = []
        self._before: list[int] | None = None
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Key]:
        """In order; the keys must not change meanwhile."""
        for chunk in self._chunks:
            yield from chunk

    def add(self, key: Key) -> None:
        """Put a key that is not there yet in its place."""
        self._size += 1
        self._before = None
        if not self._chunks:
            self._chunks.append([key])
            self._lasts.append(key)
            return
        at = min(bisect_left(self._lasts, key), len(self._chunks) - 1)
        chunk = self._chunks[at]
        insort(chunk, key)
        if len(chunk) > CHUNK:
            upper = chunk[CHUNK // 2 :]
            del chunk[CHUNK // 2 :]
            self._chunks.insert(at + 1, upper)
            self._lasts.insert(at + 1, upper[-1])
        self._lasts[at] = chunk[-1]

    def remove(self, key: Key) -> None:
        """Take a key out. Raises KeyError if it is not there."""
        at, index = self._find(key)
        if at == len(self._chunks) or self._chunks[at][index] != key:
            raise KeyError(key)
        chunk = self._chunks[at]
        del chunk[index]
        self._size -= 1
        self._before = None
        if chunk:
            self._lasts[at] = chunk[-1]
        else:
            del self._chunks[at], self._lasts[at]

    def rank(self, key: Key) -> int:
        """How many keys stand before this one."""
        at, index = self._find(key)
        if self._before is None:
            self._before = [0, *accumulate(map(len, self._chunks))]
        return self._before[at] + index

    def _find(self, key: Key) -> tuple[int, int]:
        at = bisect_left(self._lasts, key)
        return at, bisect_left(self._chunks[at], key) if at < len(self._chunks) else 0
