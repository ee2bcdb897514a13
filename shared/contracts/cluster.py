"""The yard as a whole: its nodes, who holds which device, who waits for what, and how that was over time.

The scheduler knows all of it and tells it with names; what of it a person may see is decided where people ask. Who
counts adds up what the nodes tell, so that no sum exceeds what there is.
"""

from typing import Annotated

from pydantic import Field

from shared.contracts.base import Contract, JobId, NodeName, Timestamp, UserName, VcName
from shared.contracts.job import Reason
from shared.contracts.metrics import Whole

SAMPLED_S = 30.0
"""How often the yard is sampled, unless a setting says otherwise."""

HISTORY_DAYS = 7
"""How long samples are kept."""

SAMPLED_VCS = 256
"""The most virtual clusters that one sample tells of: those that hold the most devices, then those that wait most."""

Amount = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0, le=2**31 - 1, description="Fits into four bytes.")]


class AskCluster(Contract):
    """The nodes by name, as many as a message holds; the queue comes with the first of them."""

    after: Annotated[NodeName | None, Field(description="The last node of the page before.")] = None


class Holder(Contract):
    """A job that holds devices."""

    id: JobId
    name: str
    owner: UserName
    vc: VcName


class HeldDevice(Contract):
    index: Whole
    job_id: JobId


class NodeDevices(Contract):
    """A node's devices of one type, whose indices run from 0."""

    device_type: str
    total: Whole
    resting: Annotated[Whole, Field(description="Held by nobody, and left alone for a time after a refused start.")] = 0
    simulated: Annotated[bool, Field(description="They do not really exist.")] = False
    held: Annotated[tuple[HeldDevice, ...], Field(description="By index; none of them beyond `total`.")] = ()


class ClusterNode(Contract):
    """What a node has, and how much of it jobs hold; never more than it has."""

    node: NodeName
    silent: Annotated[bool, Field(description="It has not reported lately, and gets nothing new.")]
    closed: Annotated[Reason | None, Field(description="Why it gets nothing new, by its last report.")] = None
    since: Annotated[
        Timestamp | None,
        Field(description="By its own clock: when it began to report, or, of a silent one, its last report."),
    ] = None
    cpus: Annotated[Amount | None, Field(description="None, as `memory_mib`: it has not reported yet.")] = None
    cpus_held: Amount = 0.0
    memory_mib: Whole | None = None
    memory_held_mib: Whole = 0
    devices: tuple[NodeDevices, ...] = ()


class Waiting(Contract):
    """So many jobs of one virtual cluster wait for one type of device for one reason."""

    vc: VcName
    device_type: str
    code: str
    jobs: Whole
    devices: Annotated[Whole, Field(description="That all of them together ask for.")]


class Open(Contract):
    """How many jobs of a virtual cluster wait, and how many run."""

    vc: VcName
    waiting: Whole
    running: Whole


class ClusterPage(Contract):
    nodes: tuple[ClusterNode, ...]
    holders: Annotated[tuple[Holder, ...], Field(description="The jobs that these nodes name.")] = ()
    waiting: Annotated[Whole, Field(description="Queued jobs; on the first page.")] = 0
    queue: Annotated[tuple[Waiting, ...], Field(description="On the first page.")] = ()
    open: Annotated[tuple[Open, ...], Field(description="On the first page.")] = ()
    more: bool = False


class AskOffer(Contract):
    """What the nodes that report have for a submission."""


class OfferedDevices(Contract):
    device_type: str
    total: Whole
    most: Annotated[Whole, Field(description="On one node.")]
    simulated: Annotated[bool, Field(description="None of them really exists.")]


class Offer(Contract):
    """What there is, held or free; the most of each on one node, though not all of them on the same one."""

    devices: tuple[OfferedDevices, ...]
    cpus: Annotated[Amount | None, Field(description="The most on one node; none: no node reports.")] = None
    memory_mib: Annotated[Whole | None, Field(description="Likewise.")] = None
    uses_images: Annotated[bool | None, Field(description="Whether any node does; none: not known.")] = None


class DeviceCount(Contract):
    total: Count
    held: Count


class VcSample(Contract):
    waiting: Count = 0
    running: Count = 0
    held: Annotated[dict[str, Count], Field(description="Devices by type.")] = Field(default_factory=dict)


class ClusterSample(Contract):
    """The yard at one moment, as its leader saw it. It speaks for `every_s` seconds; after that there is a gap."""

    time: Timestamp
    every_s: Annotated[float, Field(gt=0, le=86_400)]
    waiting: Count
    running: Count
    devices: Annotated[dict[str, DeviceCount], Field(description="By type.")]
    vcs: Annotated[dict[VcName, VcSample], Field(max_length=SAMPLED_VCS)]


class QueryHistory(Contract):
    """The yard in [start, end], one value each `step_s` seconds; `skip`: series of the pages before."""

    start: Timestamp
    end: Timestamp
    step_s: Annotated[float, Field(gt=0)]
    vcs: Annotated[tuple[VcName, ...] | None, Field(description="Those that are told of; none: all.")] = None
    skip: Whole = 0


class HistorySeries(Contract):
    """One line of a graph: the i-th value is the mean of the step that ends at `start + i * step_s`; none: a gap."""

    name: Annotated[
        str,
        Field(description="`waiting` or `running` jobs; devices of a type that are held (`used`), or all (`total`)."),
    ]
    device_type: str | None = None
    vc: Annotated[VcName | None, Field(description="None: of the whole yard.")] = None
    values: tuple[float | None, ...]


class HistoryPage(Contract):
    """The series that fit in a message; `more`: there are others after these."""

    series: tuple[HistorySeries, ...]
    more: bool = False
