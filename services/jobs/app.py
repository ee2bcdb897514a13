"""Puts the jobs service together; nothing connects here."""

from functools import partial

from services.jobs.apply import Applier
from services.jobs.expire import expire
from services.jobs.handlers import SUBSCRIPTIONS, Handlers
from services.jobs.reconcile import reconcile
from services.jobs.room import Room
from services.jobs.store import JobStore
from shared.runtime import Deps, Service


def build(deps: Deps) -> Service:
    """Handlers, and four loops: the outbox, the reconciliation, the time limits, and the look for room."""
    room = Room(deps.bus, deps.settings)
    applier = Applier(JobStore(deps.open_store("jobs")), deps.bus, deps.clock)
    return Service(
        name="jobs",
        handlers=Handlers(applier, room),
        subscriptions=SUBSCRIPTIONS,
        loops=(applier.outbox.run, partial(reconcile, applier, deps.bus), partial(expire, applier), room.run),
        start=room.look,
        declares=True,
        stop=applier.outbox.drain,
    )
