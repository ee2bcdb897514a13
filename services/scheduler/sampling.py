"""The leader tells how the yard stands, twice a minute, in the stream CLUSTER, which the metrics service draws.

A sample's moment is the nearest whole multiple of the interval, so that a change of the leader leaves an even grid, and
a sleep that ends a little early counts for the moment that it waited for. A sample that could not be sent is a gap:
nobody knows afterwards how it was.
"""

import asyncio
from datetime import UTC, datetime

from services.scheduler.cycle import Cycle
from services.scheduler.domain.cluster import sample
from services.scheduler.domain.snapshot import Snapshot
from services.scheduler.inventory import Inventory
from shared.bus.bus import Bus
from shared.clock import Clock
from shared.contracts import subjects


class Sampling:
    """Publishes samples while this scheduler leads, and knows the whole yard."""

    def __init__(
        self, bus: Bus, clock: Clock, snapshot: Snapshot, cycle: Cycle, inventory: Inventory, every_s: float
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._snapshot = snapshot
        self._cycle = cycle
        self._inventory = inventory
        self._every_s = every_s

    async def run(self) -> None:
        """One sample each interval, for good."""
        while True:
            await asyncio.sleep(self._every_s - self._clock.now().timestamp() % self._every_s)
            if self._cycle.leads and self._inventory.complete:
                await self._publish()

    async def _publish(self) -> None:
        now = self._clock.now()
        self._snapshot.advance(now, self._clock.monotonic())
        moment = datetime.fromtimestamp(round(now.timestamp() / self._every_s) * self._every_s, UTC)
        found = sample(self._snapshot, moment, self._every_s)
        await self._bus.tell(subjects.CLUSTER_SAMPLES, found.model_dump_json().encode())
