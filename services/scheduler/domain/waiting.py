"""The jobs that wait: in order, by shape, and those that a retry holds back until a time.

A cycle looks at the first job of each shape only: where it does not fit, none behind it fits. What was found is kept
as a `Verdict`, which stays true for the jobs behind it until a node changes for the better, so a job that joins a
hopeless queue costs nothing.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from heapq import heappop, heappush

from services.scheduler.domain.order import Key, SortedKeys, key_of
from services.scheduler.domain.shape import Shape, shape_of
from shared.contracts.job import JobView


@dataclass(frozen=True)
class Verdict:
    """At `revision` of the snapshot, no node could take the job of this key or any behind it of its shape."""

    revision: int
    key: Key

    def covers(self, key: Key) -> bool:
        """Whether it also speaks of the job with this key."""
        return key >= self.key


class Waiting:
    """The queue. `order` ranks all jobs that may be placed now, `shapes` has the same jobs by shape."""

    def __init__(self) -> None:
        self.order = SortedKeys()
        self.shapes: dict[Shape, SortedKeys] = {}
        self.verdicts: dict[Shape, Verdict] = {}
        self.counts: Counter[tuple[str, Shape]] = Counter()
        """How many of these jobs each virtual cluster has of each shape."""
        self._places: dict[str, tuple[Shape, Key, str]] = {}
        self._held: dict[str, JobView] = {}
        self._due: list[tuple[datetime, str, int]] = []

    def __contains__(self, id: str) -> bool:
        """Whether the job may be placed now."""
        return id in self._places

    def key(self, id: str) -> Key:
        return self._places[id][1]

    def shape(self, id: str) -> Shape:
        return self._places[id][0]

    @property
    def next_due(self) -> datetime | None:
        """When the next held job may be placed, at the earliest."""
        return self._due[0][0] if self._due else None

    def held(self, id: str) -> bool:
        return id in self._held

    @property
    def held_back(self) -> Iterable[JobView]:
        """The jobs that a retry holds back."""
        return self._held.values()

    def add(self, view: JobView) -> bool:
        """Let a job wait; True if the next plan has to look at it."""
        if view.state.not_before is not None:
            self._held[view.id] = view
            heappush(self._due, (view.state.not_before, view.id, view.version))
            return False
        return self._queue(view)

    def remove(self, id: str) -> None:
        """Take a job out, wherever it waits; no error if it does not."""
        self._held.pop(id, None)
        if id not in self._places:
            return
        shape, key, vc = self._places.pop(id)
        self.counts[vc, shape] -= 1
        if not self.counts[vc, shape]:
            del self.counts[vc, shape]
        self.order.remove(key)
        keys = self.shapes[shape]
        keys.remove(key)
        if not keys:
            del self.shapes[shape]
            self.verdicts.pop(shape, None)

    def advance(self, now: datetime) -> bool:
        """Let those go on whose time has come; True if the next plan has to look at one of them."""
        matters = False
        while self._due and self._due[0][0] <= now:
            _, id, version = heappop(self._due)
            view = self._held.get(id)
            if view is not None and view.version == version:
                del self._held[id]
                matters |= self._queue(view)
        return matters

    def _queue(self, view: JobView) -> bool:
        shape, key = shape_of(view), key_of(view)
        self._places[view.id] = shape, key, view.vc
        self.counts[view.vc, shape] += 1
        self.order.add(key)
        self.shapes.setdefault(shape, SortedKeys()).add(key)
        verdict = self.verdicts.get(shape)
        return verdict is None or not verdict.covers(key)
