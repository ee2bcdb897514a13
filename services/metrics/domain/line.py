"""A line of a graph, wherever its points came from: the memory or Prometheus name it alike, so answers look alike."""

from collections.abc import Mapping
from typing import NamedTuple

from services.metrics.domain.grid import Points
from shared.contracts.families import EXPORTED, REPORTED
from shared.contracts.metrics import Series

_PLACES = {exported.name: place for place, exported in enumerate(EXPORTED)}


class Line(NamedTuple):
    """Which one it is among a job's."""

    metric: str
    """The name of the metric for Prometheus; REPORTED for what the job reports."""
    also: str
    """The value of the label that the metric has beside the job's: scope, device, or the name reported; else empty."""
    rank: str


def drawn(lines: Mapping[Line, Points]) -> list[Series]:
    """What a graph is given: the families in their order, then what the job reports by name; devices and ranks count
    up. The same lines always come in the same order, since pages are counted by it.
    """
    return [_series(line, lines[line]) for line in sorted(lines, key=_order)]


def _order(line: Line) -> tuple[int, int, str, int, str]:
    if line.metric == REPORTED:
        return len(EXPORTED), 0, line.also, len(line.rank), line.rank
    return _PLACES[line.metric], len(line.also), line.also, len(line.rank), line.rank


def _series(line: Line, points: Points) -> Series:
    times = tuple(sorted(points))
    values = tuple(points[time] for time in times)
    labels = {"rank": line.rank}
    if line.metric == REPORTED:
        return Series(name=line.also, kind="reported", unit="", labels=labels, times=times, values=values)
    exported = EXPORTED[_PLACES[line.metric]]
    labels |= {**dict.fromkeys(exported.also, line.also), **exported.shown}
    return Series(name=exported.family, unit=exported.unit, labels=labels, times=times, values=values)
