"""What the scheduler measures: its plans, and the yard as its leader sees it. The other replicas see the same yard and
keep silent about it, so that a sum over all of them counts everything once.
"""

from collections.abc import Callable

from services.scheduler.domain.plan import Plan
from services.scheduler.domain.reasons import Reasons
from services.scheduler.domain.snapshot import Snapshot
from services.scheduler.lease import Leadership
from shared.contracts.instruments import (
    CYCLE_SECONDS,
    DECISIONS,
    DEVICES,
    DEVICES_HELD,
    JOBS,
    LEADER,
    NODE_SILENT,
    PLAN_SECONDS,
    QUEUE_JOBS,
)
from shared.meter import Meter, Values


class Timings:
    """How long the leader's cycles take, and what comes of them."""

    def __init__(self, meter: Meter) -> None:
        self.plan = meter.histogram(PLAN_SECONDS)
        self.cycle = meter.histogram(CYCLE_SECONDS)
        self._placements = meter.counter(DECISIONS).labels("placement")
        self._preemptions = meter.counter(DECISIONS).labels("preemption")

    def decided(self, plan: Plan) -> None:
        """A plan is about to be sent."""
        self._placements.inc(len(plan.placements))
        self._preemptions.inc(len(plan.preemptions))


def measure(meter: Meter, snapshot: Snapshot, reasons: Reasons, leadership: Leadership) -> None:
    """The yard, as long as this scheduler leads."""

    def leading(read: Callable[[], Values]) -> Callable[[], Values]:
        return lambda: read() if leadership.epoch is not None else ()

    meter.watch(LEADER, lambda: float(leadership.epoch is not None))
    meter.watch(QUEUE_JOBS, leading(lambda: reasons.census().items()))
    meter.watch(JOBS, leading(snapshot.counts.items))
    meter.watch(DEVICES, leading(lambda: (((name,), count) for name, count in snapshot.nodes.devices().items())))
    meter.watch(DEVICES_HELD, leading(lambda: snapshot.devices_held().items()))
    meter.watch(NODE_SILENT, leading(lambda: (((n.name,), float(n.silent)) for n in snapshot.nodes.table.values())))
