"""The backend `kubernetes` and the nodes of its cluster, as the settings say."""

from pathlib import Path

from services.executor.backends.kubernetes import buffers
from services.executor.backends.kubernetes.api import Api
from services.executor.backends.kubernetes.backend import KubernetesBackend
from services.executor.backends.kubernetes.layout import Layout, Storage
from services.executor.backends.kubernetes.nodes import ClusterNodes
from services.executor.backends.kubernetes.reports import ClusterReports
from services.executor.backends.kubernetes.settings import KubernetesSettings
from services.executor.domain.cluster_nodes import Kind


def in_cluster(executor: str, home: Path) -> tuple[KubernetesBackend, ClusterReports]:
    """Not opened yet. `executor`: how it calls itself. Raises ValueError for settings that cannot be."""
    buffers.keep_small()
    said = KubernetesSettings()
    layout = Layout(
        executor=executor,
        namespaces=said.namespaces,
        image=said.image,
        pull_policy=said.pull_policy,
        pull_secrets=said.pull_secrets,
        storages=tuple(Storage(prefix, claim.claim, claim.sub_path) for prefix, claim in said.storage.items()),
        device_types={name: Kind(kind.resource, kind.labels) for name, kind in said.devices.items()},
        limit_cpus=said.limit_cpus,
        shared_memory_mib=said.shared_memory_mib,
        user=said.user,
        group=said.group,
        read_only_root=said.read_only_root,
        priority_class=said.priority_class,
        tolerations=said.tolerations,
    )
    api = Api(said.config, said.context)
    nodes = ClusterNodes(api, executor, layout.device_types, said.tolerations)
    backend = KubernetesBackend(api, home, layout, said.create_namespaces, said.patience_s, nodes)
    return backend, ClusterReports(executor, nodes)
