"""What a job uses, over time: from Prometheus where there is one, else from the ring."""

from services.metrics.domain.grid import Grid
from services.metrics.domain.page import page_of
from services.metrics.rings import Rings
from shared.contracts.errors import Invalid
from shared.contracts.metrics import MAX_POINTS, MetricsPage, QueryMetrics


class Queries:
    """Answers, one page at a time."""

    def __init__(self, rings: Rings) -> None:
        self._rings = rings

    async def page(self, ask: QueryMetrics) -> MetricsPage:
        """Raises Invalid, StreamAway."""
        grid = grid_of(ask)
        ring = await self._rings.find(ask.job_id)
        series, more = page_of(ring.series(grid), ask.skip)
        return MetricsPage(series=series, source="ring", more=more)


def grid_of(ask: QueryMetrics) -> Grid:
    """Raises Invalid for a time that is none, and for more points than a graph can hold."""
    grid = Grid(ask.start.timestamp(), ask.end.timestamp(), ask.step_s)
    if ask.end <= ask.start:
        raise Invalid("The end of the time that is asked for must come after its start.")
    if grid.points > MAX_POINTS:
        raise Invalid(
            f"So small a step makes more than {MAX_POINTS:,} points. Ask for a larger one, or a shorter time."
        )
    return grid
