"""Puts the endpoints service together; nothing connects here."""

import sys
from functools import partial

import structlog

from services.endpoints.apply import Applier
from services.endpoints.bastion.hostkey import HostKeys
from services.endpoints.bastion.server import Bastion
from services.endpoints.desk import Desk
from services.endpoints.domain.places import Places
from services.endpoints.door.server import HttpDoor
from services.endpoints.door.tunnel import Tunnel
from services.endpoints.follow import Follower
from services.endpoints.guard import Guard
from services.endpoints.handlers import SUBSCRIPTIONS, Handlers
from services.endpoints.opener import Opener
from services.endpoints.programs.starting import Programs
from services.endpoints.reconcile import reconcile
from services.endpoints.settings import EndpointsSettings
from services.endpoints.store import EndpointStore
from shared.runtime import Deps, Service
from shared.streams.client import Streams

log = structlog.get_logger()


def build(deps: Deps) -> Service:
    """Handlers, and three loops: the outbox, the reconciliation, and the look at who is connected."""
    settings = EndpointsSettings()
    documents = deps.open_store("endpoints")
    store = EndpointStore(documents)
    applier = Applier(store, deps.bus, deps.clock)
    streams = Streams(deps.bus, settings.timeout_s)
    opener = Opener(applier, Programs(streams, sys.executable))
    follower = Follower(applier, deps.bus, opener, settings.timeout_s)
    places = Places(settings.door, settings.ssh_name, settings.ssh_port, settings.domain)
    guard = Guard(store, deps.bus, deps.clock, settings.timeout_s)

    def used(endpoint_id: str) -> None:
        log.debug("endpoint_used", endpoint=endpoint_id)

    bastion = Bastion(settings, guard, streams, HostKeys(documents, deps.clock))
    tunnel = Tunnel(guard, streams, used)
    door = HttpDoor(settings, guard, streams.dial, documents, deps.clock, used, (tunnel.register,))

    async def start() -> None:
        await bastion.start()
        await door.start()

    async def stop() -> None:
        await bastion.stop()
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
