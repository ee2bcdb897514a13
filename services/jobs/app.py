"""Puts the jobs service together; nothing connects here."""

from functools import partial

from services.jobs.apply import Applier
from services.jobs.expire import expire
from services.jobs.handlers import SUBSCRIPTIONS, Handlers
from services.jobs.reconcile import reconcile
from services.jobs.room import Room
from services.jobs.starts import Starts
from services.jobs.store import JobStore
from shared.bus.backlog import Backlog
from shared.contracts.instruments import DISK_FREE, SUBMISSIONS_REFUSED
from shared.measures import measure_outbox
from shared.runtime import Deps, Service


def build(deps: Deps) -> Service:
    """Handlers, and five loops: the outbox, the reconciliation, the time limits, and the looks for room and at NATS."""
    room = Room(deps.bus, deps.settings)
    applier = Applier(JobStore(deps.open_store("jobs")), deps.bus, deps.clock, Starts(deps.meter))
    backlog = Backlog(deps.bus, deps.meter)
    measure_outbox(deps.meter, "jobs", applier.outbox)
    deps.meter.watch(DISK_FREE, lambda: [((), room.disk.left)] if room.disk.all else [])
    deps.meter.watch(SUBMISSIONS_REFUSED, lambda: float(room.lack is not None))
    return Service(
        name="jobs",
        handlers=Handlers(applier, room),
        subscriptions=SUBSCRIPTIONS,
        loops=(
            applier.outbox.run,
            partial(reconcile, applier, deps.bus),
            partial(expire, applier),
            room.run,
            backlog.run,
        ),
        start=(room.look,),
        declares=True,
        stop=applier.outbox.drain,
    )
