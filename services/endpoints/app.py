"""Puts the endpoints service together; nothing connects here."""

from services.endpoints.guard import Guard
from services.endpoints.handlers import SUBSCRIPTIONS, Handlers
from services.endpoints.settings import EndpointsSettings
from services.endpoints.store import EndpointStore
from shared.runtime import Deps, Service


def build(deps: Deps) -> Service:
    """Handlers, and a loop that watches who is connected."""
    settings = EndpointsSettings()
    store = EndpointStore(deps.open_store("endpoints"))
    guard = Guard(store, deps.bus, deps.clock, settings.timeout_s)
    return Service(name="endpoints", handlers=Handlers(store), subscriptions=SUBSCRIPTIONS, loops=(guard.watch,))
