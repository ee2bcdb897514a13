"""A graph of block characters: one column for each stretch of time, blank where nothing is known.

Pure: numbers in, lines of text out.
"""

from collections.abc import Sequence
from math import ceil

BLOCKS = " ▁▂▃▄▅▆▇█"
LEVELS = len(BLOCKS) - 1


def columns(points: Sequence[Sequence[float]], start: float, end: float, step: float, width: int) -> list[float | None]:
    """The mean in each of `width` equal stretches from start to end; None: nothing is known there.

    A point (time, value) speaks for the step that ends there, however many columns that is.
    """
    each = (end - start) / width
    found: list[list[float]] = [[] for _ in range(width)]
    for time, value in points:
        last = min(max(ceil((time - start) / each) - 1, 0), width - 1)
        first = min(max(round((time - step - start) / each), 0), last)
        for column in range(first, last + 1):
            found[column].append(value)
    return [mean(values) if values else None for values in found]


def mean(values: Sequence[float]) -> float:
    """Divided first: the sum of what a job reports may be more than a number can be."""
    return sum(value / len(values) for value in values)


def graph(values: Sequence[float | None], low: float, high: float, height: int) -> list[str]:
    """`height` lines, the upper one first. What is known and lowest still shows the lowest block."""
    levels = [_level(value, low, high, height * LEVELS) for value in values]
    return [
        "".join(BLOCKS[max(0, min(level - row * LEVELS, LEVELS))] for level in levels)
        for row in range(height - 1, -1, -1)
    ]


def _level(value: float | None, low: float, high: float, top: int) -> int:
    if value is None:
        return 0
    if high <= low:
        return 1
    scale = max(abs(low), abs(high))  # so that no difference is more than a number can be
    return max(1, min(round((value / scale - low / scale) / (high / scale - low / scale) * top), top))
