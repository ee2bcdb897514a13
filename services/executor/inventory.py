"""What this node has, and the sign that it lives: the NODES bucket, renewed, and NodeReported when it changes."""

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path

import structlog
from nats.errors import Error as NatsError
from nats.js.errors import Error as NatsApiError

from services.executor.domain.admission import Capacity
from services.executor.domain.equipment import Equipment
from shared.bus.bus import Bus
from shared.clock import Clock
from shared.contracts import subjects
from shared.contracts.events import CloudEvent, NodeReported

log = structlog.get_logger()


def capacity(equipment: Equipment) -> Capacity:
    """All processors and all memory of this machine, and its devices."""
    return Capacity(float(os.cpu_count() or 1), _memory_mib(), equipment.counts, equipment.lost)


def _memory_mib() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) // 1024
    return 0


class Inventory:
    """Reports one node."""

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        node: str,
        boot_id: str,
        capacity: Capacity,
        simulated: Iterable[str],
        uses_images: bool,
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._node = node
        self._boot_id = boot_id
        self._capacity = capacity
        self._simulated = tuple(sorted(simulated))
        self._uses_images = uses_images
        self._since = clock.now()

    async def run(self, every_s: float) -> None:
        """Announce the node, then renew its sign of life until cancelled."""
        report = self._report()
        event = CloudEvent(
            id=f"{self._node}:{int(report.reported_at.timestamp() * 1000)}",
            type=f"io.jobyard.node.{report.fact}.v1",
            source=f"/executor/{self._node}",
            subject=self._node,
            time=report.reported_at,
            data=report,
        )
        await self._renew(report)
        await self._bus.publish(subjects.node_event(report), event)
        while True:
            await asyncio.sleep(every_s)
            await self._renew(self._report())

    async def _renew(self, report: NodeReported) -> None:
        try:
            bucket = await self._bus.js.key_value(subjects.NODES)
            await bucket.put(self._node, report.model_dump_json().encode())
        except (NatsError, NatsApiError, TimeoutError) as error:
            log.warning("node_not_reported", error=repr(error))

    def _report(self) -> NodeReported:
        return NodeReported(
            node=self._node,
            boot_id=self._boot_id,
            cpus=self._capacity.cpus,
            memory_mib=self._capacity.memory_mib,
            devices=dict(self._capacity.devices),
            simulated=self._simulated,
            uses_images=self._uses_images,
            reported_at=self._clock.now(),
            since=self._since,
        )
