"""Amounts: how much of a node is free, held or coming back, and what one rank of a job holds there."""

from datetime import datetime
from typing import NamedTuple

from services.scheduler.domain.shape import Shape
from shared.contracts.job import CPU

Place = tuple[str, int]
"""A device (type, index); `WHOLE` stands for the node itself."""
WHOLE: Place = (CPU, -1)
UNBOUNDED = 1 << 40
"""Pods, where as many may be as find room otherwise."""


class Room(NamedTuple):
    """An amount of what a shape asks for, on one node; negative after a node came back smaller."""

    devices: int
    milli_cpus: int
    memory_mib: int
    pods: int = 0
    """Each rank is one."""

    def fits(self, shape: Shape) -> bool:
        """Whether one rank of this shape finds enough. Memory that is not asked for is not counted."""
        return (
            self.devices >= shape.devices
            and self.milli_cpus >= shape.milli_cpus
            and (not shape.memory_mib or self.memory_mib >= shape.memory_mib)
            and self.pods > 0
        )

    def ranks(self, shape: Shape) -> int:
        """How many ranks of this shape find enough, beside one another; at most as many as the shape has."""
        found = min(shape.nodes, self.pods)
        if shape.devices:
            found = min(found, self.devices // shape.devices)
        if shape.milli_cpus:
            found = min(found, self.milli_cpus // shape.milli_cpus)
        if shape.memory_mib:
            found = min(found, self.memory_mib // shape.memory_mib)
        return max(found, 0)

    def plus(self, other: "Room") -> "Room":
        return Room(
            self.devices + other.devices,
            self.milli_cpus + other.milli_cpus,
            self.memory_mib + other.memory_mib,
            self.pods + other.pods,
        )

    def minus(self, other: "Room") -> "Room":
        return Room(
            self.devices - other.devices,
            self.milli_cpus - other.milli_cpus,
            self.memory_mib - other.memory_mib,
            self.pods - other.pods,
        )


NOTHING = Room(0, 0, 0)


def need(shape: Shape, ranks: int = 1) -> Room:
    """What so many ranks take from a node."""
    return Room(ranks * shape.devices, ranks * shape.milli_cpus, ranks * shape.memory_mib, ranks)


class Holding(NamedTuple):
    """What one rank of a job holds on a node."""

    job: str
    rank: int
    device_type: str
    devices: tuple[int, ...]
    milli_cpus: int
    memory_mib: int
    leaving: bool
    """It is being stopped: what it holds comes back without anybody's help."""
    preemptible: bool
    """It may be told to stop for a job of higher priority."""
    priority: int
    """Of a preemptible job; else 0."""
    since: datetime | None
    """When a preemptible job's run started, if it has."""
    ranks: int = 1
    """How many the job has, here and elsewhere: they start together and leave together."""

    def room(self, device_type: str) -> Room:
        """What it gives back to a job of this device type."""
        return Room(len(self.devices) if device_type == self.device_type else 0, self.milli_cpus, self.memory_mib, 1)

    def places(self) -> tuple[Place, ...]:
        return tuple((self.device_type, index) for index in self.devices) or (WHOLE,)
