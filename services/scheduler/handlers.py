"""What the scheduler hears and answers; the map at the end is the whole of it."""

import asyncio
from collections.abc import Callable, Sequence

from services.scheduler.domain.blockers import with_blockers
from services.scheduler.domain.cluster import offer, page
from services.scheduler.domain.foresight import foresee
from services.scheduler.domain.reasons import Reasons
from services.scheduler.domain.snapshot import Snapshot
from services.scheduler.traces import Waits
from shared.bus import codec
from shared.bus.subscriptions import Answers, Delivery, Each
from shared.clock import Clock
from shared.contracts import subjects
from shared.contracts.cluster import AskCluster, AskOffer, ClusterPage, Offer
from shared.contracts.commands.cluster import CLUSTER, OFFER
from shared.contracts.commands.jobs import ACTIVE, VIEWS
from shared.contracts.commands.scheduling import EXPLAIN, FORESEE, LEAD, PLACE, ExplainJobs, Explanations
from shared.contracts.commands.submission import Foresee, Foresight
from shared.contracts.errors import Unavailable
from shared.contracts.events import CloudEvent, JobEvent


class Handlers:
    """One method per subscription, on the leader and on every other replica."""

    def __init__(
        self,
        snapshot: Snapshot,
        reasons: Reasons,
        waits: Waits,
        clock: Clock,
        wake: asyncio.Event,
        complete: Callable[[], bool],
    ) -> None:
        """`complete`: whether the snapshot has all jobs and nodes that there were when this replica started."""
        self._snapshot = snapshot
        self._reasons = reasons
        self._waits = waits
        self._clock = clock
        self._wake = wake
        self._complete = complete

    async def job_events(self, deliveries: Sequence[Delivery[CloudEvent[JobEvent]]]) -> None:
        self._snapshot.advance(self._clock.now(), self._clock.monotonic())
        for delivery in deliveries:
            self._snapshot.put(delivery.message.data.job)
            self._waits.heard(delivery.message)
        if self._snapshot.due:
            self._wake.set()

    async def explain(self, ask: ExplainJobs) -> Explanations:
        self._snapshot.advance(self._clock.now(), self._clock.monotonic())
        items = self._reasons.explain(ask.ids)
        return Explanations(
            items=tuple(with_blockers(self._snapshot, item) if item.id == ask.blockers_of else item for item in items)
        )

    async def foresee(self, ask: Foresee) -> Foresight:
        self._snapshot.advance(self._clock.now(), self._clock.monotonic())
        return foresee(self._snapshot, self._reasons, ask)

    async def cluster(self, ask: AskCluster) -> ClusterPage:
        """Raises Unavailable."""
        self._look()
        return page(self._snapshot, self._reasons, ask.after)

    async def offer(self, ask: AskOffer) -> Offer:
        """Raises Unavailable."""
        self._look()
        return offer(self._snapshot)

    def _look(self) -> None:
        """Half of the yard would be taken for all of it."""
        if not self._complete():
            raise Unavailable("The scheduler has just started and does not know the whole yard yet. Ask again.")
        self._snapshot.advance(self._clock.now(), self._clock.monotonic())


SUBSCRIPTIONS = (
    Answers(EXPLAIN, Handlers.explain),
    Answers(FORESEE, Handlers.foresee),
    Answers(CLUSTER, Handlers.cluster),
    Answers(OFFER, Handlers.offer),
    Each(subjects.EVENTS, (subjects.JOB_EVENTS,), codec.job_event, Handlers.job_events),
)

ASKS = (ACTIVE, VIEWS, LEAD, PLACE)
