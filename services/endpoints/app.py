"""Puts the endpoints service together; nothing connects here."""

import sys
from functools import partial

from services.endpoints.apply import Applier
from services.endpoints.bastion.hostkey import HostKeys
from services.endpoints.bastion.server import Bastion
from services.endpoints.desk import Desk
from services.endpoints.domain.places import Places
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
    streams = Streams(deps.bus, settings.timeout_s)
    bastion = Bastion(settings, guard, streams, HostKeys(documents, deps.clock))

    async def stop() -> None:
        await bastion.stop()
        await opener.drain()
        await applier.outbox.drain()

    return Service(
        name="endpoints",
        handlers=Handlers(Desk(applier, follower, opener, places), follower),
        subscriptions=SUBSCRIPTIONS,
        loops=(applier.outbox.run, partial(reconcile, follower), guard.watch),
        start=bastion.start,
        stop=stop,
    )
