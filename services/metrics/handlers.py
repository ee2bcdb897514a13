"""What the metrics service answers and hears; the map at the end is the whole of it."""

from shared.bus.subscriptions import Subscription


class Handlers:
    """One method per subscription."""


ASKS = ()
"""Everything that this service asks of others."""

SUBSCRIPTIONS: tuple[Subscription, ...] = ()
