"""A job's METRICS drawn for a terminal, and as a table or a line for a pipe."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from jobyard.cli.families import titles, unknown
from jobyard.cli.figures import SUFFIXES, figure
from jobyard.cli.graph import columns, graph, mean
from jobyard.cli.show import headline
from jobyard.cli.tables import Column
from jobyard.cli.terminal import inert
from jobyard.cli.times import local
from jobyard.models import Job, JobMetrics, JobSeries

COLUMNS = (
    Column("Metric"),
    Column("Last", right=True),
    Column("Mean", right=True),
    Column("Peak", right=True),
    Column("Unit"),
)
TALLEST = 4
"""Lines of one graph."""

WIDEST = 120
MARGIN = 13
"""For the figures beside a graph."""

HEAD, FOOT = 3, 3
"""Lines above and below the graphs."""

SOURCES = {"ring": "from the last hour that the platform keeps", "prometheus": "from Prometheus"}
STYLES = {"usage": "cyan", "reported": "green"}


class Picture:
    """As large as the terminal is: all graphs fit on it if they can, each with one line at least."""

    def __init__(self, job: Job, found: JobMetrics) -> None:
        self._job = job
        self._found = found

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        found, drawn = self._found, [series for series in self._found.series if series.points]
        width = max(min(options.max_width, WIDEST) - MARGIN, 8)
        height = _height(console.height, len(drawn))
        yield Text(f"{self._job.id}  {inert(self._job.name)}  ") + headline(self._job)
        yield Text(f"{local(found.start)} to {local(found.end)}, {SOURCES[found.source]}", style="dim")
        yield Text()
        for series, title in zip(drawn, titles(drawn), strict=True):
            yield _caption(title, series)
            yield from _lines(series, found, width, height)
        if drawn:
            yield _axis(found.start, found.end, width)
        for sentence in unknown(self._job, found):
            yield Text(sentence, style="yellow")


def rows(found: JobMetrics) -> list[list[str]]:
    """The table: what it is, the last value, the mean, the peak."""
    drawn = [series for series in found.series if series.points]
    return [
        [title, *(figure(value, series.unit) for value in _figures(series)), SUFFIXES.get(series.unit, series.unit)]
        for series, title in zip(drawn, titles(drawn), strict=True)
    ]


def line(found: JobMetrics) -> str:
    """`23:12:50  CPU 1.02 cores, Memory 301 MiB, loss 0.25`: the last values that there are."""
    drawn = [series for series in found.series if series.points]
    values = [
        f"{title} {figure(series.points[-1][1], series.unit)} {SUFFIXES.get(series.unit, series.unit)}".rstrip()
        for series, title in zip(drawn, titles(drawn), strict=True)
    ]
    at = max((series.points[-1][0] for series in drawn), default=found.end.timestamp())
    return f"{datetime.fromtimestamp(at).astimezone():%H:%M:%S}  {', '.join(values) or 'nothing was measured yet'}"


def _height(screen: int, count: int) -> int:
    """Lines of each graph."""
    return max(1, min((screen - HEAD - FOOT) // count - 1, TALLEST)) if count else 1


def _caption(title: str, series: JobSeries) -> Text:
    last, mean, peak = (figure(value, series.unit) for value in _figures(series))
    unit = SUFFIXES.get(series.unit, series.unit)
    text = Text(inert(title), style="bold")
    for name, value in (("last", last), ("mean", mean), ("peak", peak)):
        text.append(f"  {name} ", style="not bold dim").append(value, style="not bold")
    return text.append(f" {unit}" if unit else "", style="not bold")


def _lines(series: JobSeries, found: JobMetrics, width: int, height: int) -> list[Text]:
    start, end = found.start.timestamp(), found.end.timestamp()
    values = columns(series.points, start, end, found.step, width)
    low, high = _scale(series)
    drawn = graph(values, low, high, height)
    beside = [""] * height
    beside[-1] = figure(low, series.unit)
    beside[0] = figure(high, series.unit)
    return [
        Text.assemble((f"{text:>{MARGIN - 2}} ", "dim"), (blocks, STYLES[series.kind]))
        for text, blocks in zip(beside, drawn, strict=True)
    ]


def _scale(series: JobSeries) -> tuple[float, float]:
    """From zero for what was measured, a whole device up to 1; what a job reports may be anything."""
    values = [value for _, value in series.points]
    if series.kind == "reported":
        return min(values), max(values)
    return 0.0, 1.0 if series.unit == "ratio" else max(values)


def _figures(series: JobSeries) -> Sequence[float]:
    values = [value for _, value in series.points]
    return values[-1], mean(values), max(values)


def _axis(start: datetime, end: datetime, width: int) -> Text:
    form = "%H:%M:%S" if end - start < timedelta(days=1) else "%b %d %H:%M"
    first, last = (moment.astimezone().strftime(form) for moment in (start, end))
    return Text(" " * (MARGIN - 1) + first + last.rjust(width - len(first)), style="dim")
