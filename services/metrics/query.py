"""What a job uses, over time: from the ring as far back as it reaches, and from Prometheus what is older.

The ring has every sample, Prometheus only what it scraped, and not before it was there. So a ring that has all of the
time that is asked for answers, also where there is a Prometheus; where Prometheus fails, or never heard of the job, the
ring answers with what it has. `source` says which it was, and the pages of one answer come from one source.
"""

from services.metrics.domain.grid import Grid, Points
from services.metrics.domain.line import Line, drawn
from services.metrics.domain.page import page_of
from services.metrics.prometheus import Prometheus, PrometheusAway
from services.metrics.rings import Rings
from shared.bus.lookup import StreamAway
from shared.contracts.cluster import QueryHistory
from shared.contracts.errors import Invalid, TemporaryError
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
        prometheus = self._prometheus
        if prometheus is None or ask.source == "ring":
            return "ring", (await self._rings.find(ask.job_id)).lines(grid)
        if ask.source == "prometheus":
            return "prometheus", await prometheus.lines(ask.job_id, grid)
        return await self._from_either(prometheus, ask.job_id, grid)

    async def _from_either(self, prometheus: Prometheus, job_id: str, grid: Grid) -> tuple[Source, dict[Line, Points]]:
        away: TemporaryError | None = None
        recent: dict[Line, Points] = {}
        try:
            ring = await self._rings.find(job_id)
            recent = ring.lines(grid)
            if recent and ring.reaches(grid.start):
                return "ring", recent
        except StreamAway as error:
            away = error
        try:
            if older := await prometheus.lines(job_id, grid):
                return "prometheus", older
        except PrometheusAway as error:
            away = error
        if away is not None and not recent:
            raise away
        return "ring", recent


def grid_of(ask: QueryMetrics | QueryHistory) -> Grid:
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
