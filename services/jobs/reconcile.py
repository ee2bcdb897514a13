"""The level-triggered side: what an executor should have heard of long ago is said again.

An event can be lost after it was relayed, when the stream itself is lost. Every job that waits for its executor
(scheduling, pausing, killing) for longer than a cycle is announced again by its last event; where the stream still
knows the event it keeps one, and an executor that has acted on it does nothing.
"""

import asyncio
from datetime import timedelta

import structlog

from services.jobs.apply import Applier
from services.jobs.domain.document import HistoryEntry, JobDocument, event_of
from shared.bus.bus import Bus
from shared.contracts.events import JobPriorityChanged

log = structlog.get_logger()

CYCLE_S = 20.0


async def reconcile(applier: Applier, bus: Bus) -> None:
    """Repeat until cancelled."""
    while True:
        await asyncio.sleep(CYCLE_S)
        now = applier.clock.now()
        late = [job for job in await applier.store.waiting() if now - job.history[-1].time > timedelta(seconds=CYCLE_S)]
        for job in late:
            subject, event = event_of(job, asked(job))
            await bus.publish(subject, event)
        if late:
            log.info("jobs_announced_again", jobs=len(late))


def asked(job: JobDocument) -> HistoryEntry:
    """The last change that asked something of an executor; one of the priority does not."""
    return next(entry for entry in reversed(job.history) if entry.fact != JobPriorityChanged.fact)
