"""What the metrics service answers and hears; the map at the end is the whole of it."""

from collections.abc import Sequence

import structlog

from services.metrics.accounts import Accounts
from services.metrics.domain.attempt import Attempt
from services.metrics.ended import ENDS, ended
from services.metrics.past import Past
from services.metrics.query import Queries
from services.metrics.rings import Rings
from services.metrics.samples import sample
from services.metrics.yard import YardHistory, sample_of
from shared.bus.codec import Undecodable
from shared.bus.subscriptions import Answers, Delivery, Each, Shared, Subscription
from shared.contracts import subjects
from shared.contracts.cluster import ClusterSample, HistoryPage, QueryHistory
from shared.contracts.commands.cluster import HISTORY
from shared.contracts.commands.metrics import QUERY_METRICS, SUMMARIES, USAGE
from shared.contracts.metrics import (
    AskSummaries,
    AskUsage,
    MetricsPage,
    QueryMetrics,
    Sample,
    Summaries,
    UsagePage,
)

log = structlog.get_logger()

QUESTIONS = 8
"""So many graphs are answered side by side: most of the time they wait for the stream, or for Prometheus."""


class Handlers:
    """One method per subscription."""

    def __init__(self, past: Past, rings: Rings, queries: Queries, accounts: Accounts, yard: YardHistory) -> None:
        self._past = past
        self._rings = rings
        self._queries = queries
        self._accounts = accounts
        self._yard = yard

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
        """What a job uses, over time. Raises Invalid, StreamAway, PrometheusAway."""
        return await self._queries.page(ask)

    async def count(self, deliveries: Sequence[Delivery[Attempt | None]]) -> None:
        """Count the attempts that are over."""
        await self._accounts.count([delivery.message for delivery in deliveries if delivery.message is not None])

    async def summaries(self, ask: AskSummaries) -> Summaries:
        """What each of these jobs has used in all."""
        return await self._accounts.summaries(ask)

    async def usage(self, ask: AskUsage) -> UsagePage:
        """What users and virtual clusters have used, by day. Raises Invalid."""
        return await self._accounts.usage(ask)

    async def whole(self) -> None:
        """The yard's history is read from the stream's beginning."""
        await self._yard.begin()

    async def remember(self, deliveries: Sequence[Delivery[ClusterSample | Undecodable]]) -> None:
        """Take samples of the yard."""
        for delivery in deliveries:
            message = delivery.message
            if isinstance(message, Undecodable):
                log.error("sample_unreadable", sequence=delivery.sequence, error=str(message))
                self._yard.add(delivery.sequence, None)
            else:
                self._yard.add(delivery.sequence, message)

    async def history(self, ask: QueryHistory) -> HistoryPage:
        """How the yard stood, over time. Raises Invalid, Unavailable."""
        return self._yard.page(ask)


SUBSCRIPTIONS: tuple[Subscription, ...] = (
    Each(subjects.METRICS, (subjects.SAMPLES,), sample, Handlers.ingest, start=Handlers.position),
    Each(subjects.CLUSTER, (subjects.CLUSTER_SAMPLES,), sample_of, Handlers.remember, start=Handlers.whole),
    Shared("metrics", subjects.EVENTS, ENDS, ended, Handlers.count),
    Answers(QUERY_METRICS, Handlers.query, at_once=QUESTIONS),
    Answers(SUMMARIES, Handlers.summaries),
    Answers(USAGE, Handlers.usage),
    Answers(HISTORY, Handlers.history),
)

ASKS = ()
"""Everything that this service asks of others."""
