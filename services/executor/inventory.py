"""What this executor's nodes have, and the sign that they live: the NODES bucket, renewed, and NodeReported once."""

import asyncio
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

import structlog
from nats.errors import Error as NatsError
from nats.js.errors import Error as NatsApiError
from nats.js.kv import KeyValue

from services.executor.domain.admission import Capacity
from services.executor.domain.equipment import Equipment
from shared.bus.bus import Bus
from shared.clock import Clock
from shared.contracts import subjects
from shared.contracts.events import CloudEvent, NodeReported

log = structlog.get_logger()

AT_ONCE = 64
"""Reports that are under way to the bucket."""


def capacity(equipment: Equipment) -> Capacity:
    """All processors and all memory of this machine, and its devices."""
    return Capacity(float(os.cpu_count() or 1), _memory_mib(), equipment.counts, equipment.lost)


def _memory_mib() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) // 1024
    return 0


class Machine:
    """This machine as the only node that the executor answers for."""

    def __init__(
        self, node: str, boot_id: str, capacity: Capacity, simulated: Iterable[str], uses_images: bool
    ) -> None:
        self.capacities: Mapping[str, Capacity] = {node: capacity}
        self.boot_id = boot_id
        self._node = node
        self._simulated = tuple(sorted(simulated))
        self._uses_images = uses_images

    def reports(self, now: datetime, since: datetime) -> Iterator[NodeReported]:
        """One of it."""
        has = self.capacities[self._node]
        yield NodeReported(
            node=self._node,
            boot_id=self.boot_id,
            cpus=has.cpus,
            memory_mib=has.memory_mib,
            devices=dict(has.devices),
            simulated=self._simulated,
            uses_images=self._uses_images,
            reported_at=now,
            since=since,
        )


class Nodes(Protocol):
    """What an executor answers for."""

    capacities: Mapping[str, Capacity]
    """By the nodes' names; it may change."""
    boot_id: str
    """Changes when all that ran is gone for certain."""

    def reports(self, now: datetime, since: datetime) -> Iterable[NodeReported]:
        """Of each node as it is now."""


class Inventory:
    """Reports an executor's nodes."""

    def __init__(self, bus: Bus, clock: Clock, executor: str, nodes: Nodes) -> None:
        self._bus = bus
        self._clock = clock
        self._executor = executor
        self._nodes = nodes
        self._since = clock.now()
        self._announced: set[tuple[str, str]] = set()

    async def run(self, every_s: float) -> None:
        """Announce each node when it is there first, and renew their signs of life until cancelled."""
        while True:
            reports = list(self._nodes.reports(self._clock.now(), self._since))
            await self._renew(reports)
            for report in reports:
                if (report.node, report.boot_id) not in self._announced:
                    await self._announce(report)
                    self._announced.add((report.node, report.boot_id))
            await asyncio.sleep(every_s)

    async def _announce(self, report: NodeReported) -> None:
        event = CloudEvent(
            id=f"{report.node}:{int(report.reported_at.timestamp() * 1000)}",
            type=f"io.jobyard.node.{report.fact}.v1",
            source=f"/executor/{self._executor}",
            subject=report.node,
            time=report.reported_at,
            data=report,
        )
        await self._bus.publish(subjects.node_event(report), event)

    async def _renew(self, reports: Sequence[NodeReported]) -> None:
        """Many at once: the last node of a large cluster must not fall silent while the others are told."""
        try:
            bucket = await self._bus.js.key_value(subjects.NODES)
            for first in range(0, len(reports), AT_ONCE):
                async with asyncio.TaskGroup() as puts:
                    for report in reports[first : first + AT_ONCE]:
                        puts.create_task(self._put(bucket, report))
        except (NatsError, NatsApiError, TimeoutError) as error:
            log.warning("nodes_not_reported", error=repr(error))

    async def _put(self, bucket: KeyValue, report: NodeReported) -> None:
        try:
            await bucket.put(report.node, report.model_dump_json().encode())
        except (NatsError, NatsApiError, TimeoutError) as error:
            log.warning("node_not_reported", node=report.node, error=repr(error))
