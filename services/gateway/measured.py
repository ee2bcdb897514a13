"""A job's METRICS over time: the metrics service's pages, joined, for those who may read them."""

from services.gateway.domain.access import Caller, Right
from services.gateway.domain.spans import Span, life, span, wrong
from services.gateway.foresight import Foresights
from services.gateway.resources.metrics import JobMetrics, JobSeries
from services.gateway.summaries import Summaries
from services.gateway.yard import Yard
from shared.bus.bus import Bus
from shared.clock import Clock
from shared.contracts.commands.metrics import QUERY_METRICS
from shared.contracts.metrics import QueryMetrics, Series, Source

ANSWER_POINTS = 250_000
"""The most points that one answer has over all of its series, so that its size is bounded."""

OF_DEVICES = frozenset({"gpu_utilization", "gpu_memory", "npu_utilization", "npu_memory"})
"""The families that only real devices have."""


class Measured:
    """Its method raises Refusals that a person can act on."""

    def __init__(
        self, bus: Bus, yard: Yard, summaries: Summaries, foresights: Foresights, clock: Clock, timeout_s: float
    ) -> None:
        self._bus = bus
        self._yard = yard
        self._summaries = summaries
        self._foresights = foresights
        self._clock = clock
        self._timeout_s = timeout_s

    async def metrics(
        self, caller: Caller, job_id: str, start: str | None, end: str | None, step: str | None
    ) -> JobMetrics:
        """What the job used; without start and end, in the last hour of its life."""
        job = await self._yard.stored(caller, job_id, Right.READ_METRICS)
        summary = (await self._summaries.of((job.id,))).get(job.id) if job.attempt else None
        meant = span(life(job, summary), self._clock.now(), start, end, step)
        every, source = await self._every(job.id, meant)
        real = any(series.name in OF_DEVICES and series.kind == "usage" for series in every)
        return JobMetrics.of(
            series=tuple(_resource(series) for series in every),
            source=source,
            start=meant.start,
            end=meant.end,
            step=meant.step_s,
            simulated=False if real else await self._foresights.simulated(job),
            summary=summary,
        )

    async def _every(self, job_id: str, meant: Span) -> tuple[list[Series], Source]:
        """All series, page by page from one source. Raises Invalid where they are too many for an answer."""
        ask = QueryMetrics(job_id=job_id, start=meant.start, end=meant.end, step_s=meant.step_s)
        found: dict[tuple[str, str, tuple[tuple[str, str], ...]], Series] = {}
        points = 0
        while True:
            page = await self._bus.ask(QUERY_METRICS, ask, self._timeout_s)
            for series in page.series:
                # A series that came between two pages moves the others on: none is there twice.
                found[series.kind, series.name, tuple(sorted(series.labels.items()))] = series
                points += len(series.times)
            if points > ANSWER_POINTS:
                raise wrong("step", f"would make more than {ANSWER_POINTS:,} points in all; take a longer one")
            if not page.more or not page.series:
                return list(found.values()), page.source
            ask = ask.model_copy(update={"skip": ask.skip + len(page.series), "source": page.source})


def _resource(series: Series) -> JobSeries:
    return JobSeries.of(
        name=series.name,
        kind=series.kind,
        unit=series.unit,
        labels=series.labels,
        points=tuple(zip(series.times, series.values, strict=True)),
    )
