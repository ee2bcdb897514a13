"""Puts the endpoints service together; nothing connects here."""

from functools import partial

from services.endpoints.apply import Applier
from services.endpoints.desk import Desk
from services.endpoints.domain.places import Places
from services.endpoints.door.server import HttpDoor
from services.endpoints.follow import Follower
from services.endpoints.guard import Guard
from services.endpoints.handlers import SUBSCRIPTIONS, Handlers
from services.endpoints.opener import Opener
from services.endpoints.reconcile import reconcile
from services.endpoints.settings import EndpointsSettings
from services.endpoints.store import EndpointStore
from shared.runtime import Deps, Service
from shared.streams.client import Streams


def build(deps: Deps) -> Service:
    """Handlers, and three loops: the outbox, the reconciliation, and the look at who is connected."""
    settings = EndpointsSettings()
    documents = deps.open_store("endpoints")
    store = EndpointStore(documents)
    applier = Applier(store, deps.bus, deps.clock)
    opener = Opener(applier)
    follower = Follower(applier, deps.bus, opener, settings.timeout_s)
    places = Places(settings.door, settings.ssh_name, settings.ssh_port, settings.domain)
    guard = Guard(store, deps.bus, deps.clock, settings.timeout_s)
    streams = Streams(deps.bus, settings.timeout_s)
    door = HttpDoor(settings, guard, streams.dial, documents, deps.clock, lambda endpoint_id: None)

    async def start() -> None:
        await door.start()

    async def stop() -> None:
        await door.stop()
        await opener.drain()
        await applier.outbox.drain()

    return Service(
        name="endpoints",
        handlers=Handlers(Desk(applier, follower, opener, places), follower, door),
        subscriptions=SUBSCRIPTIONS,
        loops=(applier.outbox.run, partial(reconcile, follower), guard.watch, *door.loops),
        start=start,
        stop=stop,
    )
