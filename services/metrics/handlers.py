"""What the metrics service answers and hears; the map at the end is the whole of it."""

from collections.abc import Sequence

from services.metrics.accounts import Accounts
from services.metrics.domain.attempt import Attempt
from services.metrics.ended import ENDS, ended
from shared.bus.subscriptions import Answers, Delivery, Shared, Subscription
from shared.contracts import subjects
from shared.contracts.commands.metrics import SUMMARIES, USAGE
from shared.contracts.metrics import AskSummaries, AskUsage, Summaries, UsagePage


class Handlers:
    """One method per subscription."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def count(self, deliveries: Sequence[Delivery[Attempt | None]]) -> None:
        """Count the attempts that are over."""
        await self._accounts.count([delivery.message for delivery in deliveries if delivery.message is not None])

    async def summaries(self, ask: AskSummaries) -> Summaries:
        """What each of these jobs has used in all."""
        return await self._accounts.summaries(ask)

    async def usage(self, ask: AskUsage) -> UsagePage:
        """What users and virtual clusters have used, by day. Raises Invalid."""
        return await self._accounts.usage(ask)


SUBSCRIPTIONS: tuple[Subscription, ...] = (
    Answers(SUMMARIES, Handlers.summaries),
    Answers(USAGE, Handlers.usage),
    Shared("metrics", subjects.EVENTS, ENDS, ended, Handlers.count),
)

ASKS = ()
"""Everything that this service asks of others."""
