"""The metrics service as a process of its own, samples as an executor publishes them, and what a test asks."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.bus.bus import Bus
from shared.contracts import subjects
from shared.contracts.commands.metrics import QUERY_METRICS
from shared.contracts.errors import Unavailable
from shared.contracts.metrics import MetricsPage, QueryMetrics, Sample, Series
from shared.ids import new_id
from tests.support.service_process import ServiceProcess

JOB = "01JD0000000000000000000000"
START = datetime(2026, 11, 23, 12, tzinfo=UTC)
ASK_S = 5.0
START_S = 60.0


class MetricsService(ServiceProcess):
    """`python -m services.metrics`."""

    name = "metrics"


def sample_at(second: float, job_id: str = JOB, attempt: int = 1, start: datetime = START, **fields: Any) -> Sample:
    """What a run said so many seconds after `start`."""
    fields = {"vc": "default", "owner": "ada", **fields}
    return Sample(job_id=job_id, attempt=attempt, time=start + timedelta(seconds=second), **fields)


async def publish(bus: Bus, *samples: Sample) -> int:
    """Until they are stored; the last one's stream sequence."""
    sent = [
        bus.publish_raw(subjects.sample(one.job_id, one.rank), one.model_dump_json().encode(), new_id())
        for one in samples
    ]
    return max(await asyncio.gather(*sent))


def asked(start: datetime = START, seconds: float = 3600, step_s: float = 5, **fields: Any) -> QueryMetrics:
    """A question for so many seconds from `start` on."""
    fields = {"job_id": JOB, **fields}
    return QueryMetrics(start=start, end=start + timedelta(seconds=seconds), step_s=step_s, **fields)


async def page(bus: Bus, ask: QueryMetrics) -> MetricsPage:
    """One answer, also while the service starts, or NATS does."""
    deadline = asyncio.get_running_loop().time() + START_S
    while True:
        try:
            return await bus.ask(QUERY_METRICS, ask, ASK_S)
        except Unavailable:
            if asyncio.get_running_loop().time() > deadline:
                raise


async def drawn(bus: Bus, ask: QueryMetrics) -> list[Series]:
    """All series, over as many pages as it takes."""
    found = await page(bus, ask)
    series = list(found.series)
    while found.more:
        found = await page(bus, ask.model_copy(update={"skip": len(series)}))
        series += found.series
    return series
