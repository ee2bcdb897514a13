"""What the endpoints service answers and hears; the map at the end is the whole of it."""

from services.endpoints.store import EndpointStore
from shared.bus.subscriptions import Answers, Subscription
from shared.contracts import commands
from shared.contracts.endpoints import Endpoints, ListEndpoints


class Handlers:
    """One method per subscription."""

    def __init__(self, store: EndpointStore) -> None:
        self._store = store

    async def list(self, ask: ListEndpoints) -> Endpoints:
        return Endpoints(items=())


ASKS = (commands.ADMIT, commands.GET, commands.VIEWS, commands.OPEN_STREAM)
"""Everything that this service asks of others."""

SUBSCRIPTIONS: tuple[Subscription, ...] = (Answers(commands.LIST_ENDPOINTS, Handlers.list),)
