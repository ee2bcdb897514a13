"""Whether a run fits on this node: the last word over what the scheduler planned with older knowledge."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from shared.contracts.job import CPU, JobView, Reason, Share

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


@dataclass(frozen=True)
class Claim:
    """What a run takes of it."""

    device_type: str
    devices: tuple[int, ...]
    cpus: float
    memory_mib: int


class Usage:
    """What the runs on this node hold, together."""

    def __init__(self, claims: Iterable[Claim] = ()) -> None:
        self._devices: set[tuple[str, int]] = set()
        self._cpus = 0
        self._memory_mib = 0
        for claim in claims:
            self.add(claim)

    def add(self, claim: Claim) -> None:
        self._devices.update((claim.device_type, index) for index in claim.devices)
        self._cpus += _thousandths(claim.cpus)
        self._memory_mib += claim.memory_mib

    def occupied(self, claim: Claim) -> tuple[int, ...]:
        """Those of the claimed devices that another run holds."""
        return tuple(index for index in claim.devices if (claim.device_type, index) in self._devices)

    @property
    def cpus(self) -> float:
        return self._cpus / _THOUSANDTHS

    @property
    def memory_mib(self) -> int:
        return self._memory_mib


def claim_of(view: JobView, share: Share) -> Claim:
    """What this share of the job takes."""
    return Claim(view.device_type, share.devices, view.cpus, view.memory_mib)


def objection(claim: Claim, capacity: Capacity, usage: Usage) -> Reason | None:
    """Why the run cannot start now; none if it fits. Other runs may end, so this is worth another try."""
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
    if _thousandths(usage.cpus) + _thousandths(claim.cpus) > _thousandths(capacity.cpus):
        free = capacity.cpus - usage.cpus
        return Reason(
            code="cpus_busy",
            message=f"{free:g} of {capacity.cpus:g} cpus are free on this node, the job asks for {claim.cpus:g}.",
            details={"free": free, "cpus": claim.cpus},
        )
    if claim.memory_mib and usage.memory_mib + claim.memory_mib > capacity.memory_mib:
        left = capacity.memory_mib - usage.memory_mib
        return Reason(
            code="memory_busy",
            message=f"{left} MiB of memory are free on this node, the job asks for {claim.memory_mib} MiB.",
            details={"free_mib": left, "memory_mib": claim.memory_mib},
        )
    return None


def _thousandths(cpus: float) -> int:
    return round(cpus * _THOUSANDTHS)
