"""The yard as a whole, for who asks how it stands: its nodes, who holds which device, and who waits for what.

Capacity is what nodes have reported; one that is closed is shown with all that it has, and why nothing of it is given
out. Whatever a job is said to hold beyond it (a node that came back smaller, or has
not reported yet) is told nowhere, and a device has one holder, so that what is held never exceeds what there is.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from services.scheduler.domain.node import Node
from services.scheduler.domain.reasons import Reasons
from services.scheduler.domain.shape import milli
from services.scheduler.domain.snapshot import Snapshot
from shared.contracts.cluster import (
    SAMPLED_VCS,
    ClusterNode,
    ClusterPage,
    ClusterSample,
    DeviceCount,
    HeldDevice,
    Holder,
    NodeDevices,
    Offer,
    OfferedDevices,
    Open,
    VcSample,
    Waiting,
)
from shared.contracts.events import NodeReported
from shared.contracts.job import JobStatus

PAGE_BYTES = 200 * 1024
"""About the most that the nodes of a page take. With QUEUE_ROWS it stays under the 512 KiB of a message."""
NODE_BYTES, DEVICES_BYTES, HELD_BYTES, HOLDER_BYTES = 320, 180, 64, 288
QUEUE_ROWS = 1_000
"""The most rows of the queue, and virtual clusters, that are told of; those of the fewest jobs are left out."""


def page(snapshot: Snapshot, reasons: Reasons, after: str | None) -> ClusterPage:
    """The nodes after this one that fit in a message; the first page also has the queue."""
    names = sorted(name for name in snapshot.nodes.table if after is None or name > after)
    nodes: list[ClusterNode] = []
    holders: dict[str, Holder] = {}
    left = PAGE_BYTES
    for name in names:
        node = node_of(snapshot.nodes.table[name])
        new = {held.job_id for devices in node.devices for held in devices.held} - holders.keys()
        left -= NODE_BYTES + sum(DEVICES_BYTES + HELD_BYTES * len(devices.held) for devices in node.devices)
        left -= HOLDER_BYTES * len(new) + (len(node.closed.model_dump_json()) if node.closed is not None else 0)
        if nodes and left < 0:
            break
        nodes.append(node)
        holders |= {id: _holder(snapshot, id) for id in new}
    first = after is None
    return ClusterPage(
        nodes=tuple(nodes),
        holders=tuple(holders[id] for id in sorted(holders)),
        waiting=_jobs(snapshot, JobStatus.QUEUED) if first else 0,
        queue=_queue(reasons) if first else (),
        open=_open(snapshot) if first else (),
        more=len(nodes) < len(names),
    )


def node_of(node: Node) -> ClusterNode:
    """What the node has, and what jobs hold of it."""
    report, has = node.report, node.inventory
    if report is None or has is None:
        return ClusterNode(node=node.name, silent=True)
    return ClusterNode(
        node=node.name,
        silent=node.silent,
        closed=report.closed,
        since=report.reported_at if node.silent else report.since,
        cpus=has.cpus,
        cpus_held=_within(milli(report.cpus) - node.free_milli_cpus, milli(has.cpus)) / 1000,
        memory_mib=has.memory_mib,
        memory_held_mib=_within(report.memory_mib - node.free_memory_mib, has.memory_mib),
        devices=tuple(_devices(node, report, name, has.devices[name]) for name in sorted(has.devices)),
    )


def offer(snapshot: Snapshot) -> Offer:
    """What the nodes that report have, held or free, closed or open; of one that is open, the cpus and memory that
    others use are nobody's to ask for.
    """
    reports = [node.report for node in snapshot.nodes.table.values() if node.report is not None and not node.silent]
    sizes = [report.whole if report.whole is not None and report.closed is not None else report for report in reports]
    types = sorted({name for report in reports for name, count in _devices_of(report).items() if count})
    known = [report.uses_images for report in reports if report.uses_images is not None]
    return Offer(
        devices=tuple(_offered(name, [each for each in reports if _devices_of(each).get(name)]) for name in types),
        cpus=max((size.cpus for size in sizes), default=None),
        memory_mib=max((size.memory_mib for size in sizes), default=None),
        uses_images=any(known) if known else None,
    )


def sample(snapshot: Snapshot, time: datetime, every_s: float) -> ClusterSample:
    """The yard in a few numbers."""
    total: Counter[str] = Counter()
    held: Counter[tuple[str, str]] = Counter()
    for node in map(node_of, snapshot.nodes.table.values()):
        for devices in node.devices:
            total[devices.device_type] += devices.total
            held.update((snapshot.jobs[one.job_id].vc, devices.device_type) for one in devices.held)
    of_type: Counter[str] = Counter()
    for (_, name), count in held.items():
        of_type[name] += count
    return ClusterSample(
        time=time,
        every_s=every_s,
        waiting=_jobs(snapshot, JobStatus.QUEUED),
        running=_jobs(snapshot, JobStatus.RUNNING),
        devices={name: DeviceCount(total=count, held=of_type[name]) for name, count in sorted(total.items())},
        vcs=_vcs(snapshot, held),
    )


def _devices(node: Node, report: NodeReported, device_type: str, total: int) -> NodeDevices:
    """One that is held beyond what the node has left is shown in a free place, where there is one: it is held."""
    jobs: dict[int, str] = {}
    for holding in node.holdings.values():
        if holding.device_type == device_type:
            for index in holding.devices:
                jobs.setdefault(index, holding.job)
    held = {index: jobs.pop(index) for index in range(total) if index in jobs}
    places = [index for index in reversed(range(total)) if index not in held]
    held |= zip(places, (jobs[index] for index in sorted(jobs, reverse=True)), strict=False)
    return NodeDevices(
        device_type=device_type,
        total=total,
        resting=node.resting(device_type),
        simulated=device_type in report.simulated,
        held=tuple(HeldDevice(index=index, job_id=held[index]) for index in sorted(held)),
    )


def _holder(snapshot: Snapshot, id: str) -> Holder:
    job = snapshot.jobs[id]
    return Holder(id=id, name=job.name, owner=job.owner, vc=job.vc)


def _queue(reasons: Reasons) -> tuple[Waiting, ...]:
    jobs: Counter[tuple[str, str, str]] = Counter()
    devices: Counter[tuple[str, str, str]] = Counter()
    for (vc, shape, code), count in reasons.waiting().items():
        key = (vc, shape.device_type, code)
        jobs[key] += count
        devices[key] += count * shape.devices * shape.nodes
    rows = sorted(jobs, key=lambda key: (-jobs[key], key))[:QUEUE_ROWS]
    return tuple(
        Waiting(vc=vc, device_type=device_type, code=code, jobs=jobs[key], devices=devices[key])
        for key in rows
        for vc, device_type, code in (key,)
    )


def _open(snapshot: Snapshot) -> tuple[Open, ...]:
    counts = snapshot.counts
    vcs = {vc for (vc, _), count in counts.items() if count}
    rows = (
        Open(vc=vc, waiting=counts[vc, JobStatus.QUEUED], running=counts[vc, JobStatus.RUNNING]) for vc in sorted(vcs)
    )
    return tuple(sorted(rows, key=lambda row: -(row.waiting + row.running))[:QUEUE_ROWS])


def _offered(device_type: str, reports: Sequence[NodeReported]) -> OfferedDevices:
    counts = [_devices_of(report)[device_type] for report in reports]
    simulated = all(device_type in report.simulated for report in reports)
    return OfferedDevices(device_type=device_type, total=sum(counts), most=max(counts), simulated=simulated)


def _devices_of(report: NodeReported) -> Mapping[str, int]:
    """Those of a node that is closed are there, and so are those that others use."""
    return (report.whole or report).devices


def _vcs(snapshot: Snapshot, held: Counter[tuple[str, str]]) -> dict[str, VcSample]:
    """The virtual clusters that hold or want anything; of too many, those that hold or want the most."""
    devices: dict[str, dict[str, int]] = {}
    for (vc, device_type), count in held.items():
        devices.setdefault(vc, {})[device_type] = count
    open_ = {row.vc: row for row in _open(snapshot)}
    every = sorted(
        devices.keys() | open_.keys(),
        key=lambda vc: (-sum(devices.get(vc, {}).values()), -(open_[vc].waiting if vc in open_ else 0), vc),
    )
    return {
        vc: VcSample(
            waiting=open_[vc].waiting if vc in open_ else 0,
            running=open_[vc].running if vc in open_ else 0,
            held=devices.get(vc, {}),
        )
        for vc in every[:SAMPLED_VCS]
    }


def _jobs(snapshot: Snapshot, status: JobStatus) -> int:
    return sum(count for (_, known), count in snapshot.counts.items() if known is status)


def _within(amount: int, most: int) -> int:
    return max(0, min(amount, most))
