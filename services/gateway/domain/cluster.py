"""The yard as one caller may see it: the scheduler's answer without the names of jobs and virtual clusters (VCs) that
the table of rights withholds.

A device that somebody else's job holds is held, and no more is said of it. All sums are made here, of what the nodes
tell, so that the parts of one answer agree, and nothing held exceeds what there is.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.gateway.domain.access import Caller, Right, may
from services.gateway.domain.discretion import Subject
from shared.contracts.cluster import ClusterNode, ClusterPage, Holder, NodeDevices, Open, Waiting


@dataclass(frozen=True)
class Yard:
    """All pages of one answer."""

    nodes: tuple[ClusterNode, ...]
    holders: Mapping[str, Holder]
    waiting: int
    queue: tuple[Waiting, ...]
    open: tuple[Open, ...]


@dataclass
class Sum:
    """Devices of one type over all nodes. `free`: a job may have them now."""

    total: int = 0
    used: int = 0
    free: int = 0
    simulated: int = 0


def joined(pages: Sequence[ClusterPage]) -> Yard:
    """One yard of all pages."""
    return Yard(
        nodes=tuple(node for page in pages for node in page.nodes),
        holders={holder.id: holder for page in pages for holder in page.holders},
        waiting=sum(page.waiting for page in pages),
        queue=tuple(row for page in pages for row in page.queue),
        open=tuple(row for page in pages for row in page.open),
    )


def sees(caller: Caller, holder: Holder) -> bool:
    """Whether the caller may know which job this is."""
    return may(caller, Subject(holder.id, holder.owner, holder.vc), Right.SEE)


def names_vc(caller: Caller, vc: str) -> bool:
    """Whether the caller may know that there is such a VC."""
    return caller.admin or vc in caller.vcs


def by_index(devices: NodeDevices) -> list[str | None]:
    """The job that holds each device; None: nobody."""
    found: list[str | None] = [None] * devices.total
    for held in devices.held:
        found[held.index] = held.job_id
    return found


def sums(yard: Yard) -> dict[str, Sum]:
    """By type of device."""
    found: dict[str, Sum] = {}
    for node in yard.nodes:
        for devices in node.devices:
            one = found.setdefault(devices.device_type, Sum())
            one.total += devices.total
            one.used += len(devices.held)
            if not node.silent and node.closed is None:
                one.free += max(devices.total - len(devices.held) - devices.resting, 0)
            one.simulated += devices.total if devices.simulated else 0
    return dict(sorted(found.items()))


def used_by(yard: Yard) -> dict[str, Counter[str]]:
    """The devices that the jobs of each VC hold, by type."""
    found: dict[str, Counter[str]] = {}
    for node in yard.nodes:
        for devices in node.devices:
            for held in devices.held:
                vc = yard.holders[held.job_id].vc
                found.setdefault(vc, Counter())[devices.device_type] += 1
    return found


@dataclass(frozen=True)
class Reason:
    """So many jobs wait for one reason; `vc`: None where the caller may not know it."""

    vc: str | None
    device_type: str
    code: str
    waiting: int
    devices: int


def reasons(caller: Caller, queue: Iterable[Waiting]) -> list[Reason]:
    """Who waits for what, those of the most jobs first; all VCs that the caller does not know are one."""
    jobs: Counter[tuple[str, str, str]] = Counter()
    devices: Counter[tuple[str, str, str]] = Counter()
    for row in queue:
        key = (row.vc if names_vc(caller, row.vc) else "", row.device_type, row.code)
        jobs[key] += row.jobs
        devices[key] += row.devices
    ordered = sorted(jobs, key=lambda key: (-jobs[key], key))
    return [Reason(key[0] or None, key[1], key[2], jobs[key], devices[key]) for key in ordered]
