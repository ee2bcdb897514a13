"""What a job uses, over time: from Prometheus where there is one, else from the ring.

Where Prometheus fails, or never heard of the job, the ring answers for as long as it reaches, and the answer says so in
`source`. The pages of one answer come from one source.
"""

from services.metrics.domain.grid import Grid, Points
from services.metrics.domain.line import Line, drawn
from services.metrics.domain.page import page_of
from services.metrics.prometheus import Prometheus, PrometheusAway
from services.metrics.rings import Rings
from shared.contracts.errors import Invalid
from shared.contracts.metrics import MAX_POINTS, MetricsPage, QueryMetrics, Source

LEAST_STEP_S = 0.001


class Queries:
    """Answers, one page at a time."""

    def __init__(self, rings: Rings, prometheus: Prometheus | None) -> None:
        self._rings = rings
        self._prometheus = prometheus

    async def page(self, ask: QueryMetrics) -> MetricsPage:
        """Raises Invalid, StreamAway, PrometheusAway."""
        source, lines = await self._lines(ask, grid_of(ask))
        series, more = page_of(drawn(lines), ask.skip)
        return MetricsPage(series=series, source=source, more=more)

    async def _lines(self, ask: QueryMetrics, grid: Grid) -> tuple[Source, dict[Line, Points]]:
        away: PrometheusAway | None = None
        if self._prometheus is not None and ask.source != "ring":
            try:
                lines = await self._prometheus.lines(ask.job_id, grid)
            except PrometheusAway as error:
                away = error
            else:
                if lines or ask.source == "prometheus":
                    return "prometheus", lines
        if away is not None and ask.source == "prometheus":
            raise away
        lines = (await self._rings.find(ask.job_id)).lines(grid)
        if away is not None and not lines:
            raise away
        return "ring", lines


def grid_of(ask: QueryMetrics) -> Grid:
    """Raises Invalid for a time that is none, and for more points than a graph can hold."""
    grid = Grid(ask.start.timestamp(), ask.end.timestamp(), ask.step_s)
    if ask.end < ask.start:
        raise Invalid("The end of the time that is asked for must not come before its start.")
    if ask.step_s < LEAST_STEP_S:
        raise Invalid("A step is at least a millisecond long.")
    if grid.points > MAX_POINTS:
        raise Invalid(
            f"So small a step makes more than {MAX_POINTS:,} points. Ask for a larger one, or a shorter time."
        )
    return grid
