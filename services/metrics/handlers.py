"""What the metrics service answers and hears; the map at the end is the whole of it."""

from collections.abc import Sequence

import structlog

from services.metrics.past import Past
from services.metrics.query import Queries
from services.metrics.rings import Rings
from services.metrics.samples import sample
from shared.bus.codec import Undecodable
from shared.bus.subscriptions import Answers, Delivery, Each, Subscription
from shared.contracts import subjects
from shared.contracts.commands.metrics import QUERY_METRICS
from shared.contracts.metrics import MetricsPage, QueryMetrics, Sample

log = structlog.get_logger()


class Handlers:
    """One method per subscription."""

    def __init__(self, past: Past, rings: Rings, queries: Queries) -> None:
        self._past = past
        self._rings = rings
        self._queries = queries

    async def position(self) -> int:
        """The stream sequence to begin at: what runs has given a sample since."""
        return await self._past.recent()

    async def ingest(self, deliveries: Sequence[Delivery[Sample | Undecodable]]) -> None:
        """Take samples."""
        for delivery in deliveries:
            if isinstance(delivery.message, Undecodable):
                log.error("sample_unreadable", sequence=delivery.sequence, error=str(delivery.message))
            else:
                self._rings.add(delivery.sequence, delivery.message)

    async def query(self, ask: QueryMetrics) -> MetricsPage:
        """What a job uses, over time. Raises Invalid, StreamAway."""
        return await self._queries.page(ask)


SUBSCRIPTIONS: tuple[Subscription, ...] = (
    Each(subjects.METRICS, (subjects.SAMPLES,), sample, Handlers.ingest, start=Handlers.position),
    Answers(QUERY_METRICS, Handlers.query),
)

ASKS = ()
"""Everything that this service asks of others."""
