"""The grid of a graph: one point each step, as Prometheus has it, so that both sources can be laid over one another.

The point at a time speaks for the step that ends there. A step in which nothing was sampled has no point.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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

    def placed(self, values: dict[int, float]) -> Points:
        """From indexes to times, of the points that the grid has and that are numbers."""
        last = int((self.end - self.start + _HALF_MS) / self.step)
        return {
            round(self.start + index * self.step, 3): value
            for index, value in values.items()
            if 0 <= index <= last and math.isfinite(value)
        }


def gauge(grid: Grid, times: Sequence[float], values: Sequence[float]) -> Points:
    """The last value in each step."""
    return grid.placed({grid.index(time): value for time, value in zip(times, values, strict=True) if value == value})


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
