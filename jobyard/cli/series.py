"""A job's METRICS in figures: beside a graph, as a table, and as a line for a pipe."""

from collections.abc import Sequence
from datetime import datetime
from math import nan

from jobyard.cli.families import HOST, titles
from jobyard.cli.figures import SUFFIXES, figure
from jobyard.cli.foremost import foremost
from jobyard.cli.graph import mean
from jobyard.cli.tables import Column
from jobyard.models import JobMetrics, JobSeries

COLUMNS = (
    Column("Metric"),
    Column("Last", right=True),
    Column("Mean", right=True),
    Column("Min", right=True),
    Column("Max", right=True),
    Column("Unit"),
)
MAY_BE_IDLE = frozenset({"network", "block_io"})
"""What says little while there is none of it."""


def drawn(found: JobMetrics) -> list[JobSeries]:
    """Those of which something is known."""
    return [series for series in found.series if series.points]


def by_interest(every: Sequence[JobSeries]) -> list[JobSeries]:
    """What was measured, what the job reports, and last what was idle all the time or is the whole machine's."""
    return sorted(every, key=_interest)


def figures(series: JobSeries) -> list[tuple[str, str]]:
    """The last value, the mean and the highest; of what a job reports, where low may be good, the lowest too."""
    last, average, low, high = numbers(series)
    ends = [("min", low), ("max", high)] if series.kind == "reported" else [("peak", high)]
    return [(name, figure(value, series.unit)) for name, value in (("last", last), ("mean", average), *ends)]


def rows(found: JobMetrics) -> list[list[str]]:
    """The table: what it is, the last value, the mean, the lowest, the highest."""
    every = drawn(found)
    return [
        [title, *(figure(value, series.unit) for value in numbers(series)), SUFFIXES.get(series.unit, series.unit)]
        for series, title in zip(every, titles(every), strict=True)
    ]


def line(found: JobMetrics) -> str:
    """`23:12:50  CPU 1.02 cores, Memory 301 MiB, loss 0.25`: the last values; empty where there are none."""
    every = drawn(found)
    diverged = found.summary.not_finite if found.summary else []
    values = [
        f"{title} {_last(series, diverged)} {SUFFIXES.get(series.unit, series.unit)}".rstrip()
        for series, title in zip(every, titles(every), strict=True)
    ]
    shown = {series.name for series in every if series.kind == "reported"}
    values += [f"{name} {figure(nan, '')}" for name in diverged if name not in shown]
    if not values:
        return ""
    at = max((series.points[-1][0] for series in every), default=found.end.timestamp())
    return f"{datetime.fromtimestamp(at).astimezone():%H:%M:%S}  {', '.join(values)}"


def numbers(series: JobSeries) -> tuple[float, float, float, float]:
    """The last value, the mean, the lowest and the highest."""
    values = [value for _, value in series.points]
    return values[-1], mean(values), min(values), max(values)


def _interest(series: JobSeries) -> tuple[int, tuple[int, str]]:
    if series.kind == "reported":
        return 1, foremost(series.name)
    foreign = series.labels.get("scope") == HOST
    idle = series.name in MAY_BE_IDLE and not any(value for _, value in series.points)
    return (2 if foreign or idle else 0), (0, "")


def _last(series: JobSeries, diverged: Sequence[str]) -> str:
    gone = series.kind == "reported" and series.name in diverged
    return figure(nan if gone else series.points[-1][1], series.unit)
