"""What a job asks of a node. Jobs of one shape fit in the same places, so they are planned and explained together."""

from typing import NamedTuple

from shared.contracts.job import CPU, JobView


class Shape(NamedTuple):
    """The size of one rank and the number of ranks. CPUs are whole thousandths, so that sums stay exact."""

    device_type: str
    devices: int
    nodes: int
    milli_cpus: int
    memory_mib: int

    @property
    def gang(self) -> bool:
        """Whether it has several ranks, which start together or not at all."""
        return self.nodes > 1

    @property
    def whole(self) -> str:
        """For people, with its ranks: `2 nodes of 4 v100 and 2 cpus each`."""
        return f"{self.nodes} nodes of {self} each" if self.gang else str(self)

    def __str__(self) -> str:
        """One rank, for people: `4 v100, 2 cpus and 512 MiB`."""
        parts = [f"{self.devices} {self.device_type}"] if self.device_type != CPU else []
        parts.append(cpus_text(self.milli_cpus))
        if self.memory_mib:
            parts.append(f"{self.memory_mib} MiB")
        return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def milli(cpus: float) -> int:
    """Cpus as whole thousandths."""
    return round(cpus * 1000)


def cpus_text(milli_cpus: int) -> str:
    """Thousandths of a cpu for people: `1 cpu`, `0.25 cpus`."""
    return "1 cpu" if milli_cpus == 1000 else f"{milli_cpus / 1000:g} cpus"


def shape_of(view: JobView) -> Shape:
    return Shape(view.device_type, view.devices, view.nodes, milli(view.cpus), view.memory_mib)
