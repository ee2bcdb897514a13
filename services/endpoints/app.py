"""Puts the endpoints service together; nothing connects here."""

import asyncio
import sys
from functools import partial

from services.endpoints.apply import Applier
from services.endpoints.bastion.hostkey import HostKeys
from services.endpoints.bastion.server import Bastion
from services.endpoints.desk import Desk
from services.endpoints.domain.place import Addresses
from services.endpoints.domain.places import Places
from services.endpoints.domain.shares import Shares
from services.endpoints.door.dialler import Dialler
from services.endpoints.door.server import HttpDoor
from services.endpoints.door.tunnel import Tunnel
from services.endpoints.follow import Follower
from services.endpoints.guard import Guard
from services.endpoints.handlers import SUBSCRIPTIONS, Handlers
from services.endpoints.idle import IdleWatch
from services.endpoints.keeper import Keeper
from services.endpoints.opener import Opener
from services.endpoints.programs.starting import Programs
from services.endpoints.reconcile import reconcile
from services.endpoints.settings import EndpointsSettings
from services.endpoints.store import EndpointStore
from services.endpoints.usage import Usage
from services.endpoints.visits import Visits
from shared.contracts.instruments import SESSIONS
from shared.descriptors import allow_all
from shared.measures import measure_outbox
from shared.paths import Roots
from shared.runtime import Deps, Service
from shared.streams.client import Streams


def build(deps: Deps) -> Service:
    """Handlers, the two doors, and what goes on by itself: outbox, repairs, usage, tickets, who is connected."""
    settings = EndpointsSettings()
    documents = deps.open_store("endpoints")
    store = EndpointStore(documents)
    applier = Applier(store, deps.bus, deps.clock)
    streams = Streams(deps.bus, settings.timeout_s)
    programs = Programs(streams, settings.python or sys.executable)
    opener = Opener(applier, programs)
    follower = Follower(applier, deps.bus, opener, settings.tensorboard_keep_s, settings.timeout_s)
    roots = Roots(deps.settings.storage, deps.settings.path_roots)
    keeper = Keeper(streams, store, deps.bus, roots, sys.executable, settings.timeout_s)
    idle = IdleWatch(applier, deps.bus, programs, opener, settings.timeout_s)
    usage = Usage(applier)
    visits = Visits(applier, settings.proxies)
    guard = Guard(store, deps.bus, deps.clock, settings.timeout_s, visits.came)
    deps.meter.watch(SESSIONS, lambda: (((kind,), count) for kind, count in guard.open.items()))
    measure_outbox(deps.meter, "endpoints", applier.outbox)
    bastion = Bastion(settings, guard, streams, HostKeys(documents, deps.clock), usage.touch)
    shares = Shares(settings.max_requests, settings.share)
    dial = Dialler(keeper.dial)
    tunnel = Tunnel(guard, streams, dial, settings.names, shares, usage.touch)
    door = HttpDoor(settings, guard, dial, documents, deps.clock, usage.touch, shares, (tunnel.register,))
    addresses = Addresses(settings.door, settings.domain) if settings.door is not None else None
    desk = Desk(applier, follower, opener, Places(addresses, settings.ssh_name, settings.ssh_shown))

    async def prepare() -> None:
        allow_all()

    async def stop() -> None:
        await asyncio.gather(bastion.stop(), door.stop())
        await asyncio.gather(opener.drain(), keeper.stop())
        await asyncio.gather(usage.write(), visits.write())
        await applier.outbox.drain()

    return Service(
        name="endpoints",
        handlers=Handlers(desk, follower, door, visits),
        subscriptions=SUBSCRIPTIONS,
        loops=(
            applier.outbox.run,
            partial(reconcile, follower, idle),
            usage.run,
            visits.run,
            keeper.run,
            guard.watch,
            *door.loops,
        ),
        start=(prepare, bastion.start, door.start),
        stop=stop,
    )
