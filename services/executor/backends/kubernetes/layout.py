"""What an operator has set for all pods of a cluster, and the refusal of what that has no place for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from services.executor.backends.kubernetes.api import Document
from services.executor.backends.protocol import RunOrder
from services.executor.domain.cluster_nodes import Kind
from services.executor.domain.cluster_quotas import Quota
from services.executor.domain.network_policies import Openings
from services.executor.domain.pod_fence import Fence
from shared.contracts.job import Reason


@dataclass(frozen=True)
class Storage:
    """A prefix of paths, and the claim that it lies on."""

    prefix: PurePath
    claim: str
    sub_path: str = ""
    read_only: bool = False
    """Whether no run may write there, whoever's it is."""


@dataclass(frozen=True)
class Share:
    """What a run has at least for each of its devices."""

    cpus: float = 0.0
    memory_mib: int = 0


@dataclass(frozen=True)
class Layout:
    """What an operator has set for all pods."""

    executor: str
    namespaces: str = "jobyard-"
    image: str = ""
    """Of jobs that name none."""
    registries: Sequence[str] = ()
    """Patterns of those that images may come from; none: all."""
    pull_policy: str = "IfNotPresent"
    pull_secrets: Sequence[str] = ()
    storages: Sequence[Storage] = ()
    device_types: Mapping[str, Kind] = field(default_factory=dict)
    limit_cpus: bool = True
    shares: Mapping[str, Share] = field(default_factory=dict)
    """By device type."""
    plugins_say: Sequence[str] = ()
    """Variables that device plugins set beside those that name devices."""
    memory_mib: int = 0
    """The limit of a run that asks for none; 0: none."""
    disk_mib: int = 0
    """The limit of what a run writes beside its folders; 0: none."""
    shared_memory_mib: int = 1024
    user: int = 1000
    group: int = 1000
    image_groups: bool = False
    """Whether an image says of which further groups its runs are."""
    read_only_root: bool = False
    tmp_mib: int = 1024
    """Of /tmp, where the image's own files cannot be written."""
    priority_class: str | None = None
    runtime_class: str | None = None
    scheduler: str | None = None
    node_labels: Mapping[str, str] = field(default_factory=dict)
    tolerations: Sequence[Document] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    openings: Openings | None = field(default_factory=Openings)
    """None: no NetworkPolicies."""
    quotas: Mapping[str, Quota] = field(default_factory=dict)
    """By virtual cluster."""
    domain: str = ""
    """Of the cluster's DNS, if the ranks of a run are to meet by name."""
    rank_table_s: float = 300.0
    """How long ranks on NPUs wait for their table once all of them are there; 0: none is made."""

    def memory_of(self, order: RunOrder) -> int:
        """What the run is promised, in MiB; 0: nothing."""
        return order.memory_mib or self.share_of(order).memory_mib

    def share_of(self, order: RunOrder) -> Share:
        """What its devices bring along."""
        share, count = self.shares.get(order.device_type, Share()), len(order.devices)
        return Share(share.cpus * count, share.memory_mib * count)

    @property
    def fence(self) -> Fence:
        """What tells this executor's pods from all others."""
        return Fence(self.executor, self.namespaces)


class Unplaceable(ValueError):
    """The pod cannot be made: a path lies on no claim, a device type has no resource, a namespace is another's."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.message)
        self.reason = reason
