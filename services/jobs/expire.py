"""The time limits: warns of each run's end when that is due, and ends it when its time is over.

What is due stands in the job's own state (`due_at`), so a restart forgets nothing, and an index finds it without
looking at the others. Several replicas may find the same job: the compare-and-set lets one of them act.
"""

import asyncio
from datetime import datetime

import structlog

from services.jobs.apply import Applier
from services.jobs.domain import limits
from services.jobs.domain.document import JobHead
from services.jobs.domain.signals import Expired, Expiring, Signal
from shared.contracts.errors import TemporaryError
from shared.contracts.job import Actor

log = structlog.get_logger()

CYCLE_S = 1.0
AT_ONCE = 200
CLOCK = Actor(kind="service", name="jobs")


async def expire(applier: Applier) -> None:
    """Repeat until cancelled."""
    while True:
        try:
            while await expire_due(applier) == AT_ONCE:
                pass
        except TemporaryError as error:
            log.warning("expiry_delayed", error=repr(error))
        await asyncio.sleep(CYCLE_S)


async def expire_due(applier: Applier) -> int:
    """Warn and end what is due now, at most `AT_ONCE` jobs, in one commit; how many were due."""
    now = applier.clock.now()
    due = await applier.store.due(now, AT_ONCE)
    signals = {job.id: _signal(job, now) for job in due}
    if signals:
        await applier.change_many(signals, CLOCK, None)
        log.info("jobs_due", jobs=len(signals))
    return len(due)


def _signal(job: JobHead, now: datetime) -> Signal:
    ends_at = limits.ends_at(job.state.started_at, job.request.max_duration_s)
    return Expired() if ends_at is not None and now >= ends_at else Expiring()
