"""Whether a run fits on its nodes: the last word over what the scheduler planned with older knowledge.

A run is let in with all of its ranks or with none.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from shared.contracts.job import CPU, Reason, Share

_THOUSANDTHS = 1000
"""Cpus are counted in thousandths, as the scheduler does: sums of decimals have to come out even, and alike."""


@dataclass(frozen=True)
class Capacity:
    """What the node has."""

    cpus: float
    memory_mib: int
    devices: Mapping[str, int]
    lost: Set[tuple[str, int]] = frozenset()
    """Types and indices of devices that nobody can use for now."""
    pods: int | None = None
    """How many ranks may be there, whatever they take; None: as many as find room."""


@dataclass(frozen=True)
class Claim:
    """What one rank of a run takes of its node."""

    node: str
    device_type: str
    devices: tuple[int, ...]
    cpus: float
    memory_mib: int


class Usage:
    """What runs hold of their nodes, together."""

    def __init__(self, claims: Iterable[Claim] = ()) -> None:
        self._devices: Counter[tuple[str, str, int]] = Counter()
        self._held: Counter[tuple[str, str]] = Counter()
        self._cpus: Counter[str] = Counter()
        self._memory_mib: Counter[str] = Counter()
        self._ranks: Counter[str] = Counter()
        for claim in claims:
            self.add(claim)

    def add(self, claim: Claim, times: int = 1) -> None:
        for index in claim.devices:
            device = (claim.node, claim.device_type, index)
            before = self._devices[device]
            self._devices[device] += times
            self._held[claim.node, claim.device_type] += (self._devices[device] > 0) - (before > 0)
        self._cpus[claim.node] += times * _thousandths(claim.cpus)
        self._memory_mib[claim.node] += times * claim.memory_mib
        self._ranks[claim.node] += times

    def remove(self, claim: Claim) -> None:
        self.add(claim, -1)

    def occupied(self, claim: Claim) -> tuple[int, ...]:
        """Those of the claimed devices that another rank holds."""
        return tuple(index for index in claim.devices if self._devices[claim.node, claim.device_type, index])

    def devices(self, node: str, device_type: str) -> int:
        """How many are held, whatever their indices."""
        return self._held[node, device_type]

    def cpus(self, node: str) -> float:
        return self._cpus[node] / _THOUSANDTHS

    def memory_mib(self, node: str) -> int:
        return self._memory_mib[node]

    def ranks(self, node: str) -> int:
        return self._ranks[node]


def claims_of(device_type: str, shares: Iterable[Share], cpus: float, memory_mib: int) -> tuple[Claim, ...]:
    """What the ranks with these shares take; cpus and memory are each one's."""
    return tuple(Claim(share.node, device_type, share.devices, cpus, memory_mib) for share in shares)


def admit(claims: Sequence[Claim], capacities: Mapping[str, Capacity], usage: Usage) -> Reason | None:
    """Count all of a run's claims in `usage`, or none of them, and say why not.

    A node of which nothing is known has somebody else who looks after it, as the kubelet does.
    """
    for number, claim in enumerate(claims):
        capacity = capacities.get(claim.node)
        reason = objection(claim, capacity, usage) if capacity is not None else None
        if reason is not None:
            for counted in claims[:number]:
                usage.remove(counted)
            return reason
        usage.add(claim)
    return None


def objection(claim: Claim, capacity: Capacity, usage: Usage) -> Reason | None:
    """Why the rank cannot start now; none if it fits. Other runs may end, so this is worth another try."""
    count = 0 if claim.device_type == CPU else capacity.devices.get(claim.device_type, 0)
    unknown = [index for index in claim.devices if index >= count]
    if unknown:
        return Reason(
            code="devices_missing",
            message=f"This node has {count} devices of type {claim.device_type}, and not number {unknown[0]}.",
            details={"devices": list(unknown), "count": count},
        )
    if lost := [index for index in claim.devices if (claim.device_type, index) in capacity.lost]:
        return Reason(
            code="devices_lost",
            message=f"The driver of this node does not find {claim.device_type} {', '.join(map(str, lost))} any more.",
            details={"devices": [*lost]},
        )
    if taken := usage.occupied(claim):
        return Reason(
            code="devices_busy",
            message=f"Another run holds {claim.device_type} {', '.join(map(str, taken))} on this node.",
            details={"devices": list(taken)},
        )
    unheld = max(count - usage.devices(claim.node, claim.device_type), 0)
    if len(claim.devices) > unheld:  # others hold devices here, and ours have indices beyond what they leave
        return Reason(
            code="devices_busy",
            message=f"{unheld} of {count} devices of type {claim.device_type} are free on this node, "
            f"the job asks for {len(claim.devices)}.",
            details={"devices": list(claim.devices)},
        )
    used = usage.cpus(claim.node)
    if _thousandths(used) + _thousandths(claim.cpus) > _thousandths(capacity.cpus):
        free = capacity.cpus - used
        return Reason(
            code="cpus_busy",
            message=f"{free:g} of {capacity.cpus:g} cpus are free on this node, the job asks for {claim.cpus:g}.",
            details={"free": free, "cpus": claim.cpus},
        )
    left = capacity.memory_mib - usage.memory_mib(claim.node)
    if claim.memory_mib > left and claim.memory_mib:
        return Reason(
            code="memory_busy",
            message=f"{left} MiB of memory are free on this node, the job asks for {claim.memory_mib} MiB.",
            details={"free_mib": left, "memory_mib": claim.memory_mib},
        )
    if capacity.pods is not None and usage.ranks(claim.node) >= capacity.pods:
        return Reason(
            code="pods_busy",
            message=f"This node takes no more pods: it has {capacity.pods} for runs, and all of them are in use.",
            details={"pods": capacity.pods},
        )
    return None


def _thousandths(cpus: float) -> int:
    return round(cpus * _THOUSANDTHS)
