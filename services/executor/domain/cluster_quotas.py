"""What a virtual cluster may have of a Kubernetes cluster at most: as `hard` of a ResourceQuota.

The platform's scheduler decides; this stands behind it, and holds whoever else makes pods in the namespace.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.executor.domain.cluster_nodes import Kind, quantity


@dataclass(frozen=True)
class Quota:
    """Nothing said: no bound."""

    devices: Mapping[str, int] = field(default_factory=dict)
    """By type."""
    cpus: float | None = None
    memory_mib: int | None = None
    pods: int | None = None
    """That have not ended; one that only keeps the name of a run that was stopped is one of them."""


def hard(quota: Quota, kinds: Mapping[str, Kind]) -> dict[str, str]:
    """Types that share a resource share its bound: the cluster can't tell them apart.

    Raises ValueError for a type that has no resource.
    """
    if unknown := sorted(quota.devices.keys() - kinds.keys()):
        raise ValueError(f"the quota names devices of type {', '.join(unknown)}, which have no resource in DEVICES")
    amounts: dict[str, int] = {}
    for kind, count in quota.devices.items():
        resource = f"requests.{kinds[kind].resource}"
        amounts[resource] = amounts.get(resource, 0) + count
    said = {resource: str(amount) for resource, amount in amounts.items()}
    if quota.cpus is not None:
        thousandths = round(quota.cpus * 1000)
        said["requests.cpu"] = f"{thousandths}m" if thousandths % 1000 else str(thousandths // 1000)
    if quota.memory_mib is not None:
        said["requests.memory"] = f"{quota.memory_mib}Mi"
    if quota.pods is not None:
        said["pods"] = str(quota.pods)
    return said


def bounds(there: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether all of these bounds are there: the API server writes `1024Mi` as `1Gi`, and `1000` as `1k`."""
    return all(name in there and quantity(there[name]) == quantity(amount) for name, amount in wanted.items())
