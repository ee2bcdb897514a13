"""The last samples of one rank of a job, in columns: eight bytes for each figure, whatever there are.

Invariant: all columns are as long as the column of times; what a sample did not say is NaN there, and nowhere else.
"""

from array import array
from collections.abc import Iterator
from math import nan

from services.metrics.domain.figures import Figure, figures
from services.metrics.domain.grid import Grid, Points, held, highest, mean, rate
from shared.contracts.families import EXPORTED, REPORTED
from shared.contracts.metrics import REPORTED_NAMES, SAMPLES_KEPT, Sample

SPARE = 60
"""So many samples more are kept for a time, so that dropping the oldest does not move all others each time."""

COLUMN_BYTES = 200
"""What a column takes beside its figures."""

_COUNTERS = {exported.name for exported in EXPORTED if exported.counter}
_RATIOS = {exported.name for exported in EXPORTED if exported.unit == "ratio"}


def begins(sample: Sample) -> bool:
    """Whether it tells of a job's very first moment, in which nothing was used yet: nothing came before it."""
    counted = [sample.cpu_seconds, sample.block_read_bytes, sample.block_write_bytes]
    known = [total for total in counted if total is not None]
    return sample.attempt == 1 and sample.memory_bytes is None and bool(known) and not any(known)


class Track:
    """Figures over time. Not for several threads."""

    def __init__(self) -> None:
        self._times = array("d")
        self._attempts = array("L")
        self._columns: dict[Figure, array[float]] = {}
        self._reported = 0
        self._whole = False
        """The oldest sample is the first that there was."""

    @property
    def bytes(self) -> int:
        columns = len(self._columns) + 2
        return columns * (COLUMN_BYTES + len(self._times) * self._times.itemsize)

    def add(self, sample: Sample) -> None:
        """Take a sample, newer than those before in the order of the stream; a repeated one is dropped."""
        time, length = sample.time.timestamp(), len(self._times)
        if length and self._times[-1] == time and self._attempts[-1] == sample.attempt:
            return
        if not length:
            self._whole = begins(sample)
        self._times.append(time)
        self._attempts.append(sample.attempt)
        for figure, value in figures(sample):
            column = self._columns[figure] if figure in self._columns else self._new_column(figure, length)
            if column is not None and len(column) == length:  # the first counts, should a device be told twice
                column.append(value)
        for column in self._columns.values():
            if len(column) == length:
                column.append(nan)
        if length >= SAMPLES_KEPT + SPARE:
            self._forget_oldest()

    def reaches(self, time: float) -> bool:
        """Whether it has all that there was from this moment on."""
        begin = max(len(self._times) - SAMPLES_KEPT, 0)
        return self._times[begin] <= time or (self._whole and not begin)

    def lines(self, grid: Grid) -> Iterator[tuple[Figure, Points]]:
        """The points of each figure that has any on the grid."""
        begin = max(len(self._times) - SAMPLES_KEPT, 0)
        times, attempts = self._times[begin:], self._attempts[begin:]
        for figure, column in self._columns.items():
            values = self._from(begin, figure, column)
            if figure.metric in _COUNTERS:
                points = rate(grid, zip(times, attempts, values, strict=True))
            elif figure.metric == REPORTED:
                points = held(grid, times, attempts, values)
            else:
                points = (mean if figure.metric in _RATIOS else highest)(grid, times, values)
            if points:
                yield figure, points

    def _new_column(self, figure: Figure, length: int) -> "array[float] | None":
        """None: the job reports under more names than are kept."""
        if figure.metric == REPORTED:
            if self._reported == REPORTED_NAMES:
                return None
            self._reported += 1
        column = self._columns[figure] = array("d", [nan]) * length
        return column

    def _from(self, begin: int, figure: Figure, column: "array[float]") -> "array[float]":
        """The figures from there on; what the attempt had reported before is said again in the first of them."""
        kept = column[begin:]
        if figure.metric == REPORTED and kept[0] != kept[0]:
            before = zip(reversed(self._attempts[:begin]), reversed(column[:begin]), strict=True)
            said = (value for of, value in before if of == self._attempts[begin] and value == value)
            kept[0] = next(said, nan)
        return kept

    def _forget_oldest(self) -> None:
        beyond = len(self._times) - SAMPLES_KEPT
        self._whole = False
        self._columns = {figure: self._from(beyond, figure, column) for figure, column in self._columns.items()}
        del self._times[:beyond], self._attempts[:beyond]
        for figure, column in list(self._columns.items()):
            if all(value != value for value in column):
                del self._columns[figure]
                self._reported -= figure.metric == REPORTED
