"""Puts the jobs service together; nothing connects here."""

from functools import partial

from services.jobs.apply import Applier
from services.jobs.expire import expire
from services.jobs.handlers import SUBSCRIPTIONS, Handlers
from services.jobs.reconcile import reconcile
from services.jobs.store import JobStore
from shared.runtime import Deps, Service


def build(deps: Deps) -> Service:
    """Handlers, and three loops: the outbox's sweep and marks, the reconciliation, and the time limits."""
    applier = Applier(JobStore(deps.open_store("jobs")), deps.bus, deps.clock)
    return Service(
        name="jobs",
        handlers=Handlers(applier),
        subscriptions=SUBSCRIPTIONS,
        loops=(applier.outbox.run, partial(reconcile, applier, deps.bus), partial(expire, applier)),
        stop=applier.outbox.drain,
    )
