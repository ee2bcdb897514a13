"""A job's METRICS drawn for a terminal."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from jobyard.cli.families import titles, unknown
from jobyard.cli.figures import SUFFIXES, figure
from jobyard.cli.graph import columns, graph
from jobyard.cli.series import by_interest, drawn, figures
from jobyard.cli.terminal import inert
from jobyard.cli.times import local
from jobyard.cli.wait import outcome
from jobyard.models import Job, JobMetrics, JobSeries

TALLEST = 4
"""Lines of one graph."""

WIDEST = 120
MARGIN = 13
"""For the figures beside a graph."""

SPACE, AXIS = 1, 1
"""Lines above and below the graphs, beside what is said there."""

SMALL = 24
"""Columns of a graph that stands before its caption, at most."""

SOURCES = {"ring": "from the last hour that the platform keeps", "prometheus": "from Prometheus"}
STYLES = {"usage": "cyan", "reported": "green"}


class Picture:
    """As large as the terminal is: all graphs fit on it if they can, each with one line at least.

    `live`: it is drawn again and again in place, so it is never taller than the terminal. Where graphs below their
    captions would be, each is small and stands before its caption; what has no room even so is counted.
    """

    def __init__(self, job: Job, found: JobMetrics, *, live: bool = False) -> None:
        self._job = job
        self._found = found
        self._live = live

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        span = f"{local(self._found.start)} to {local(self._found.end)}, {SOURCES[self._found.source]}"
        head = _wrapped([outcome(self._job), Text(span, style="dim")], console, width)
        foot = _wrapped((Text(text, style="yellow") for text in unknown(self._job, self._found)), console, width)
        every = drawn(self._found)
        room = console.height - len(head) - len(foot)
        tall = _wrapped(self._graphs(every, room - SPACE - AXIS, width), console, width)
        fits = SPACE + len(tall) <= room
        yield from head
        yield from (Text(), *tall) if fits or not self._live else self._small(every, room, width)
        yield from foot

    def _graphs(self, every: list[JobSeries], room: int, width: int) -> Iterable[Text]:
        """Each below its caption, and the times below them all."""
        across = max(min(width, WIDEST) - MARGIN, 8)
        height = max(1, min(room // len(every) - 1, TALLEST)) if every else 1
        for series, title in zip(every, titles(every), strict=True):
            yield _caption(title, series)
            yield from _lines(series, self._found, across, height)
        if every:
            yield _axis(self._found.start, self._found.end, across)

    def _small(self, every: list[JobSeries], room: int, width: int) -> Iterable[Text]:
        """One line for each, the most interesting ones first."""
        named = dict(zip(map(id, every), titles(every), strict=True))
        across = min(width // 5, SMALL)
        shown = by_interest(every)
        if len(shown) > room:
            shown = shown[: max(room - 1, 1)]
        for series in shown:
            text = Text(_blocks(series, self._found, max(across, 1), 1)[0] + " ", style=STYLES[series.kind])
            text.append_text(_caption(named[id(series)], series))
            text.truncate(width, overflow="ellipsis")
            yield text
        if left := len(every) - len(shown):
            more = Text(f"and {left} more: a taller terminal shows them", style="dim")
            more.truncate(width, overflow="ellipsis")
            yield more


def _wrapped(texts: Iterable[Text], console: Console, width: int) -> list[Text]:
    """As lines that are no wider than the terminal: what it would break itself nobody has counted."""
    return [line for text in texts for line in text.wrap(console, width)]


def _caption(title: str, series: JobSeries) -> Text:
    text = Text()
    text.append(inert(title), style="bold")
    for name, value in figures(series):
        text.append(f"  {name} ", style="dim").append(value)
    unit = SUFFIXES.get(series.unit, series.unit)
    return text.append(f" {unit}" if unit else "")


def _lines(series: JobSeries, found: JobMetrics, width: int, height: int) -> list[Text]:
    low, high = _scale(series)
    beside = [""] * height
    beside[-1] = figure(low, series.unit)
    beside[0] = figure(high, series.unit)
    return [
        Text.assemble((f"{text:>{MARGIN - 2}} ", "dim"), (blocks, STYLES[series.kind]))
        for text, blocks in zip(beside, _blocks(series, found, width, height), strict=True)
    ]


def _blocks(series: JobSeries, found: JobMetrics, width: int, height: int) -> list[str]:
    start, end = found.start.timestamp(), found.end.timestamp()
    low, high = _scale(series)
    return graph(columns(series.points, start, end, found.step, width), low, high, height)


def _scale(series: JobSeries) -> tuple[float, float]:
    """From zero for what was measured, a whole device up to 1; what a job reports may be anything."""
    values = [value for _, value in series.points]
    if series.kind == "reported":
        return min(values), max(values)
    return 0.0, 1.0 if series.unit == "ratio" else max(values)


def _axis(start: datetime, end: datetime, width: int) -> Text:
    """The first moment, and the last one where there is room for both."""
    form = "%H:%M:%S" if end - start < timedelta(days=1) else "%b %d %H:%M"
    first, last = (moment.astimezone().strftime(form) for moment in (start, end))
    room = width - len(first)
    return Text(" " * (MARGIN - 1) + first + (last.rjust(room) if len(last) < room else ""), style="dim")
