"""How the yard stood over the last week: a column of whole numbers for each figure, a row for each sample.

Each moment has one row, and the last word counts: where a clock was set back, or a second leader spoke, what lies
behind the newest sample is dropped. A step without a sample takes the last one until the next is due; then there is a
gap.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from services.metrics.domain.grid import Grid
from shared.contracts.cluster import HISTORY_DAYS, ClusterSample, HistorySeries

KEPT_S = HISTORY_DAYS * 86_400
TRIMMED_ROWS = 256
"""Rows go so many at a time, since each of them moves all others."""
MOST_COLUMNS = 1_000
"""So that memory has a bound: 80 KB each for a week. What a sample tells beyond them is left out until others go."""
DIGITS = 3

WAITING, RUNNING, USED, TOTAL = "waiting", "running", "used", "total"


class Key(NamedTuple):
    """Which figure a column has; `vc` and `device_type` are empty where it is not of one."""

    vc: str
    device_type: str
    name: str


class History:
    """All samples that are kept. Not for several threads."""

    def __init__(self) -> None:
        self._times = array("d")
        self._until = array("d")
        """Each sample speaks up to this moment, when the next one is due."""
        self._columns: dict[Key, array[int]] = {}

    def __len__(self) -> int:
        return len(self._times)

    def add(self, sample: ClusterSample) -> None:
        """Take a sample that the stream delivered."""
        time = sample.time.timestamp()
        self._cut(bisect_left(self._times, time), len(self._times))
        figures = dict(_figures(sample))
        rows = len(self._times)
        for key in figures:  # those of the whole yard come first
            if key not in self._columns and len(self._columns) < MOST_COLUMNS:
                self._columns[key] = array("i", bytes(rows * array("i").itemsize))
        for key, column in self._columns.items():
            column.append(figures.get(key, 0))
        self._times.append(time)
        self._until.append(time + sample.every_s)
        self._trim(time - KEPT_S)

    def series(
        self, grid: Grid, vcs: Collection[str] | None, skip: int = 0, most: int = MOST_COLUMNS
    ) -> tuple[tuple[HistorySeries, ...], bool]:
        """The lines of the whole yard and of these virtual clusters (None: of all) after the first `skip`, at most so
        many; and whether there are others after these. None where nothing was sampled in all of the time.
        """
        rows = list(self._rows(grid))
        if all(row.start == row.stop for row in rows):
            return (), False
        chosen = sorted(key for key in self._columns if not key.vc or vcs is None or key.vc in vcs)
        end = skip + most
        return tuple(_line(key, self._columns[key], rows) for key in chosen[skip:end]), end < len(chosen)

    def _rows(self, grid: Grid) -> Iterator[slice]:
        """Of each step, those whose mean it is."""
        begin = bisect_right(self._times, grid.start - grid.step)
        for index in range(grid.last + 1):
            ends = grid.start + index * grid.step
            end = bisect_right(self._times, ends, begin)
            if begin == end and end and ends < self._until[end - 1]:
                yield slice(end - 1, end)
            else:
                yield slice(begin, end)
            begin = end

    def _trim(self, oldest: float) -> None:
        over = bisect_left(self._times, oldest)
        if over >= TRIMMED_ROWS:
            self._cut(0, over)
            for key in [key for key, column in self._columns.items() if not any(column)]:
                del self._columns[key]

    def _cut(self, begin: int, end: int) -> None:
        if begin < end:
            del self._times[begin:end], self._until[begin:end]
            for column in self._columns.values():
                del column[begin:end]


def _figures(sample: ClusterSample) -> Iterator[tuple[Key, int]]:
    yield Key("", "", WAITING), sample.waiting
    yield Key("", "", RUNNING), sample.running
    for device_type, count in sample.devices.items():
        yield Key("", device_type, TOTAL), count.total
        yield Key("", device_type, USED), count.held
    for vc, those in sample.vcs.items():
        yield Key(vc, "", WAITING), those.waiting
        yield Key(vc, "", RUNNING), those.running
        for device_type, held in those.held.items():
            yield Key(vc, device_type, USED), held


def _line(key: Key, column: "array[int]", rows: Sequence[slice]) -> HistorySeries:
    return HistorySeries.of(
        name=key.name,
        device_type=key.device_type or None,
        vc=key.vc or None,
        values=tuple(_mean(column[row]) for row in rows),
    )


def _mean(values: "array[int]") -> float | None:
    return round(sum(values) / len(values), DIGITS) if values else None
