"""The cluster's nodes as the platform is told of them: the executor answers for all of them."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from services.executor.backends.kubernetes.nodes import ClusterNodes
from services.executor.domain import pod_names as names
from services.executor.domain.admission import Capacity
from shared.contracts.events import NodeReported

CLUSTER = "cluster"
"""In place of a machine's boot id: what became of a pod is asked of the cluster, whatever restarts."""


class ClusterReports:
    """`executor`: how it calls itself."""

    boot_id = CLUSTER

    def __init__(self, executor: str, nodes: ClusterNodes) -> None:
        self.capacities: Mapping[str, Capacity] = nodes
        self._executor = executor
        self._nodes = nodes

    def reports(self, now: datetime, since: datetime) -> Iterator[NodeReported]:
        """Of each node that the cluster hears of. Of the others nothing is said, so they count as silent."""
        for node in list(self._nodes):
            if not self._nodes.answers(names.node_name(node)):
                continue
            has = self._nodes[node]
            yield NodeReported(
                node=node,
                boot_id=self._nodes.boot_id(node),
                cpus=has.cpus,
                memory_mib=has.memory_mib,
                devices=dict(has.devices),
                uses_images=True,
                reported_at=now,
                since=since,
                executor=self._executor,
            )
