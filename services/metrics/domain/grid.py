"""The grid of a graph: one point each step, as Prometheus has it, so that both sources can be laid over one another.

The point at a time speaks for the step that ends there. A step in which nothing was sampled has no point.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import nan

Points = dict[float, float]
"""From times, in seconds since 1970, to values; not in order."""

_HALF_MS = 0.0005
"""Times are told in milliseconds, so that one which is off by less than a half of it is meant to be the same."""


@dataclass(frozen=True)
class Grid:
    """Points at `start`, `start + step`, ... up to `end`; in seconds since 1970."""

    start: float
    end: float
    step: float

    @property
    def points(self) -> float:
        """So many; a float, since a step may be absurdly small."""
        return (self.end - self.start) / self.step + 1

    def index(self, time: float) -> int:
        """Of the point that speaks for this moment; below 0 before the first."""
        return math.ceil((time - self.start - _HALF_MS) / self.step)

    @property
    def last(self) -> int:
        """The index of the last point."""
        return int((self.end - self.start + _HALF_MS) / self.step)

    def placed(self, values: dict[int, float]) -> Points:
        """From indexes to times, of the points that the grid has and that are numbers."""
        last = self.last
        return {
            round(self.start + index * self.step, 3): value
            for index, value in values.items()
            if 0 <= index <= last and math.isfinite(value)
        }


def highest(grid: Grid, times: Sequence[float], values: Sequence[float]) -> Points:
    """The largest value in each step: a peak stays to be seen, however long the step."""
    found: dict[int, float] = {}
    for time, value in _known(times, values):
        index = grid.index(time)
        found[index] = max(value, found.get(index, value))
    return grid.placed(found)


def mean(grid: Grid, times: Sequence[float], values: Sequence[float]) -> Points:
    """The mean of the values in each step."""
    found: dict[int, list[float]] = {}
    for time, value in _known(times, values):
        found.setdefault(grid.index(time), []).append(value)
    return grid.placed({index: sum(those) / len(those) for index, those in found.items()})


def held(grid: Grid, times: Sequence[float], attempts: Sequence[int], values: Sequence[float]) -> Points:
    """What was said last, in each step from then until it is said anew, or the attempt's last sample.

    Infinite: what was said is no number, and there is no point until one is said.
    """
    found: dict[int, float] = {}
    attempt, before, said = 0, 0, nan
    for time, of, value in zip(times, attempts, values, strict=True):
        here = grid.index(time)
        if of != attempt:
            attempt, before, said = of, here, nan
        if said == said:
            found |= dict.fromkeys(range(max(before + 1, 0), min(here, grid.last + 1)), said)
        said = value if value == value else said
        if said == said:
            found[here] = said
        before = here
    return grid.placed(found)


def _known(times: Sequence[float], values: Sequence[float]) -> Iterator[tuple[float, float]]:
    return ((time, value) for time, value in zip(times, values, strict=True) if value == value)


def rate(grid: Grid, samples: Iterable[tuple[float, int, float]]) -> Points:
    """The increase per second of a counter over each step: (time, attempt, value) -> points.

    Measured from the last sample before the step, so that no increase is left out; from the first in the step where
    the attempt begins. Never across attempts, whose counters begin anew, and never negative.
    """
    found: dict[int, float] = {}
    attempt, index = -1, 0
    since = last = (0.0, 0.0)
    for time, of, value in samples:
        if value != value:
            continue
        here = grid.index(time)
        if of != attempt or time <= last[0]:  # another run, or somebody set the clock back
            attempt, index, since = of, here, (time, value)
        else:
            if here != index:
                index, since = here, last
            found[index] = max(value - since[1], 0.0) / (time - since[0])
        last = (time, value)
    return grid.placed(found)
