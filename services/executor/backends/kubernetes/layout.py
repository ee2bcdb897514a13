"""What an operator has set for all pods of a cluster, and the refusal of what that has no place for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from services.executor.backends.kubernetes.api import Document
from services.executor.domain.cluster_nodes import Kind
from services.executor.domain.pod_fence import Fence


@dataclass(frozen=True)
class Storage:
    """A prefix of paths, and the claim that it lies on."""

    prefix: PurePath
    claim: str
    sub_path: str = ""


@dataclass(frozen=True)
class Layout:
    """What an operator has set for all pods."""

    executor: str
    namespaces: str = "jobyard-"
    image: str = ""
    """Of jobs that name none."""
    pull_policy: str = "IfNotPresent"
    pull_secrets: Sequence[str] = ()
    storages: Sequence[Storage] = ()
    device_types: Mapping[str, Kind] = field(default_factory=dict)
    limit_cpus: bool = True
    shared_memory_mib: int = 1024
    user: int = 1000
    group: int = 1000
    read_only_root: bool = False
    priority_class: str | None = None
    tolerations: Sequence[Document] = ()

    @property
    def fence(self) -> Fence:
        """What tells this executor's pods from all others."""
        return Fence(self.executor, self.namespaces)


class Unplaceable(ValueError):
    """The pod cannot be made: a path lies on no claim, or a device type has no resource."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
