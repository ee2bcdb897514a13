"""What the scheduler hears and answers; the map at the end is the whole of it."""

import asyncio
from collections.abc import Sequence

from services.scheduler.domain.foresight import foresee
from services.scheduler.domain.reasons import Reasons
from services.scheduler.domain.snapshot import Snapshot
from shared.bus import codec
from shared.bus.subscriptions import Answers, Delivery, Each
from shared.clock import Clock
from shared.contracts import subjects
from shared.contracts.commands.jobs import ACTIVE, VIEWS
from shared.contracts.commands.scheduling import EXPLAIN, FORESEE, LEAD, PLACE, ExplainJobs, Explanations
from shared.contracts.commands.submission import Foresee, Foresight
from shared.contracts.events import CloudEvent, JobEvent


class Handlers:
    """One method per subscription, on the leader and on every other replica."""

    def __init__(self, snapshot: Snapshot, reasons: Reasons, clock: Clock, wake: asyncio.Event) -> None:
        self._snapshot = snapshot
        self._reasons = reasons
        self._clock = clock
        self._wake = wake

    async def job_events(self, deliveries: Sequence[Delivery[CloudEvent[JobEvent]]]) -> None:
        self._snapshot.advance(self._clock.now(), self._clock.monotonic())
        for delivery in deliveries:
            self._snapshot.put(delivery.message.data.job)
        if self._snapshot.due:
            self._wake.set()

    async def explain(self, ask: ExplainJobs) -> Explanations:
        self._snapshot.advance(self._clock.now(), self._clock.monotonic())
        return Explanations(items=self._reasons.explain(ask.ids))

    async def foresee(self, ask: Foresee) -> Foresight:
        self._snapshot.advance(self._clock.now(), self._clock.monotonic())
        return foresee(self._snapshot, self._reasons, ask)


SUBSCRIPTIONS = (
    Answers(EXPLAIN, Handlers.explain),
    Answers(FORESEE, Handlers.foresee),
    Each(subjects.EVENTS, (subjects.JOB_EVENTS,), codec.job_event, Handlers.job_events),
)

ASKS = (ACTIVE, VIEWS, LEAD, PLACE)
