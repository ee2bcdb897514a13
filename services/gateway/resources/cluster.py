"""What the API gives about the yard as a whole, now and over the last week."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from shared.contracts.base import Contract, Timestamp
from shared.contracts.job import Reason

Count = Annotated[int, Field(ge=0)]
ByType = Annotated[dict[str, int], Field(description="By type of device.")]


class SlotHolder(Contract):
    """The job that holds a device; everything is null for a job that the caller may not know of."""

    job_id: str | None
    name: str | None
    owner: str | None
    vc: str | None


class ClusterDevices(Contract):
    """A node's devices of one type."""

    device_type: str
    total: Count
    used: Count
    resting: Annotated[Count, Field(description="Free, and left alone for a time after a refused start.")]
    simulated: Annotated[bool, Field(description="They are counted and given out, but do not exist.")]
    slots: Annotated[
        tuple[SlotHolder | None, ...], Field(description="Who holds each, by its index on the node; null: nobody.")
    ]


class NodeState(StrEnum):
    """Whether a node lives, as far as the scheduler can know."""

    READY = "ready"
    SILENT = "silent"


class ClusterNode(Contract):
    """A node, and how much of it is taken."""

    name: str
    state: Annotated[NodeState, Field(description="`silent`: it has not reported for 30 s, and gets nothing new.")]
    since: Annotated[
        Timestamp | None,
        Field(description="By its own clock: `ready` since it began to report, `silent` since its last report."),
    ]
    closed: Annotated[
        Reason | None,
        Field(description="Why it gets nothing new while its jobs go on, such as a cordon; null: it is open."),
    ]
    cpus: Annotated[float | None, Field(description="null, as `memory_mib`: it has not reported yet.")]
    cpus_used: float
    memory_mib: int | None
    memory_mib_used: Annotated[int, Field(description="What jobs asked for; those that asked for none count nothing.")]
    devices: tuple[ClusterDevices, ...]


class ClusterVc(Contract):
    """A virtual cluster that the caller belongs to; for platform administrators every one."""

    name: str
    quota: Annotated[ByType, Field(description="Types without one are unbounded; there are no quotas yet.")]
    used: ByType
    borrowed: Annotated[ByType, Field(description="What is used above the quota.")]
    waiting: Annotated[Count, Field(description="Queued jobs.")]
    running: Count


class DeviceTotal(Contract):
    """Devices of one type over all nodes."""

    device_type: str
    total: Count
    used: Count
    free: Annotated[Count, Field(description="On nodes that are ready and open, and not resting.")]
    simulated: Annotated[Count, Field(description="Of the total.")]


class ClusterTotals(Contract):
    """Over the whole yard, whoever's jobs."""

    nodes: Count
    silent_nodes: Count
    closed_nodes: Annotated[Count, Field(description="Of those that are ready.")]
    devices: tuple[DeviceTotal, ...]


class QueueReason(Contract):
    """So many queued jobs wait for the same reason, those of virtual clusters that the caller is not in together."""

    code: Annotated[str, Field(description="As in `reason.code` of a job.")]
    device_type: str
    vc: Annotated[str | None, Field(description="null: of virtual clusters that the caller does not belong to.")]
    waiting: Count
    devices: Annotated[Count, Field(description="That all of them together ask for.")]


class ClusterQueue(Contract):
    """Everybody's queue."""

    waiting: Count
    by_reason: Annotated[tuple[QueueReason, ...], Field(description="Those of the most jobs first.")]


class Cluster(Contract):
    """The yard at this moment, as the caller may see it; at most a second old."""

    nodes: Annotated[tuple[ClusterNode, ...], Field(description="By name.")]
    vcs: Annotated[tuple[ClusterVc, ...], Field(description="By name.")]
    totals: ClusterTotals
    queue: ClusterQueue


class SeriesName(StrEnum):
    """Queued or running jobs; devices of a type that jobs hold, or that there are."""

    WAITING = "waiting"
    RUNNING = "running"
    USED = "used"
    TOTAL = "total"


class ClusterSeries(Contract):
    """One line of a graph."""

    name: SeriesName
    device_type: str | None
    vc: Annotated[str | None, Field(description="null: of the whole yard.")]
    values: Annotated[
        tuple[float | None, ...],
        Field(description="The i-th is the mean of the step that ends at `start + i * step`; null: nobody knows."),
    ]


class ClusterHistory(Contract):
    """How the yard stood, of the last 7 days at most; sampled every 30 s. Without any sample there are no series."""

    start: Timestamp
    end: Timestamp
    step: Annotated[float, Field(description="Seconds.")]
    series: tuple[ClusterSeries, ...]
