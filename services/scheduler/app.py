"""Puts the scheduler together; nothing connects here."""

import asyncio

from services.scheduler.contender import contender_name, is_dead
from services.scheduler.cycle import Cycle
from services.scheduler.domain.reasons import Reasons
from services.scheduler.domain.snapshot import Snapshot
from services.scheduler.handlers import SUBSCRIPTIONS, Handlers
from services.scheduler.inventory import Inventory
from services.scheduler.lease import Leadership
from services.scheduler.measures import Timings, measure
from services.scheduler.rebuild import Rebuild
from services.scheduler.sampling import Sampling
from services.scheduler.settings import SchedulerSettings
from services.scheduler.traces import Waits
from shared.runtime import Deps, Service


def build(deps: Deps) -> Service:
    """Handlers that keep the snapshot, and five loops: nodes, reconciliation, lease, cycle, samples."""
    settings = SchedulerSettings()
    snapshot = Snapshot()
    reasons = Reasons(snapshot)
    waits = Waits()
    wake = asyncio.Event()
    rebuild = Rebuild(deps.bus, snapshot, settings, wake)
    leadership = Leadership(deps.bus, deps.clock, settings, contender_name(), is_dead, wake)
    timings = Timings(deps.meter)
    cycle = Cycle(deps.bus, deps.clock, snapshot, leadership, rebuild, settings, waits, wake, timings)
    inventory = Inventory(deps.bus, deps.clock, snapshot, wake)
    sampling = Sampling(deps.bus, deps.clock, snapshot, cycle, inventory, settings.sample_s)

    def complete() -> bool:
        return rebuild.done and inventory.complete

    measure(deps.meter, snapshot, reasons, leadership)
    return Service(
        name="scheduler",
        handlers=Handlers(snapshot, reasons, waits, deps.clock, wake, complete),
        subscriptions=SUBSCRIPTIONS,
        loops=(inventory.run, rebuild.run, leadership.run, cycle.run, sampling.run),
    )
