"""The cluster's nodes as the platform is told of them: the executor answers for all of them."""

from collections.abc import Mapping
from datetime import datetime

from services.executor.backends.kubernetes.nodes import ClusterNodes
from services.executor.domain.admission import Capacity
from shared.contracts.events import NodeReported, NodeSize

CLUSTER = "cluster"
"""In place of a machine's boot id: what became of a pod is asked of the cluster, whatever restarts."""


class ClusterReports:
    """`executor`: how it calls itself."""

    boot_id = CLUSTER

    def __init__(self, executor: str, nodes: ClusterNodes) -> None:
        self.capacities: Mapping[str, Capacity] = nodes
        self._executor = executor
        self._nodes = nodes

    def reports(self, now: datetime, since: datetime) -> list[NodeReported]:
        """Of each node that the cluster hears of; the others count as silent.

        All at once: whoever tells of them waits between, and nodes come and go.
        """
        return [
            NodeReported(
                node=node,
                boot_id=facts.boot_id,
                cpus=has.cpus,
                memory_mib=has.memory_mib,
                devices=dict(has.devices),
                uses_images=True,
                reported_at=now,
                since=since,
                executor=self._executor,
                whole=None if whole == has else _size(whole),
                devices_only=self._nodes.devices_only(facts),
                closed=self._nodes.why_closed(facts),
                pods=has.pods,
            )
            for node, (facts, has, whole) in self._nodes.now().items()
        ]


def _size(has: Capacity) -> NodeSize:
    return NodeSize(cpus=has.cpus, memory_mib=has.memory_mib, devices=dict(has.devices), pods=has.pods)
