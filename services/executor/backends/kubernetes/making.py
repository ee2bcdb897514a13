"""The backend `kubernetes` as its settings say."""

from pathlib import Path

from services.executor.backends.kubernetes.api import Api
from services.executor.backends.kubernetes.backend import KubernetesBackend
from services.executor.backends.kubernetes.manifest import DeviceType, Layout, Storage
from services.executor.backends.kubernetes.settings import KubernetesSettings


def kubernetes_backend(executor: str, home: Path) -> KubernetesBackend:
    """Not opened yet. `executor`: how it calls itself. Raises ValueError for settings that cannot be."""
    said = KubernetesSettings()
    layout = Layout(
        executor=executor,
        namespaces=said.namespaces,
        image=said.image,
        pull_policy=said.pull_policy,
        pull_secrets=said.pull_secrets,
        storages=tuple(Storage(prefix, claim.claim, claim.sub_path) for prefix, claim in said.storage.items()),
        device_types={name: DeviceType(kind.resource, kind.labels) for name, kind in said.devices.items()},
        limit_cpus=said.limit_cpus,
        shared_memory_mib=said.shared_memory_mib,
        user=said.user,
        group=said.group,
        read_only_root=said.read_only_root,
        priority_class=said.priority_class,
        tolerations=said.tolerations,
    )
    return KubernetesBackend(
        Api(said.config, said.context), home, layout, said.create_namespaces, patience_s=said.patience_s
    )
