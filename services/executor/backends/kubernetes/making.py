"""The backend `kubernetes` and the nodes of its cluster, as the settings say."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from services.executor.backends.kubernetes import buffers, garbage
from services.executor.backends.kubernetes.api import Api
from services.executor.backends.kubernetes.backend import KubernetesBackend
from services.executor.backends.kubernetes.kubelets import Kubelets
from services.executor.backends.kubernetes.layout import Layout, Share, Storage, Unplaceable
from services.executor.backends.kubernetes.measuring import Source
from services.executor.backends.kubernetes.mounts import storage_of
from services.executor.backends.kubernetes.network_settings import peer
from services.executor.backends.kubernetes.nodes import ClusterNodes
from services.executor.backends.kubernetes.prometheus import Prometheus
from services.executor.backends.kubernetes.reports import ClusterReports
from services.executor.backends.kubernetes.settings import KubernetesSettings
from services.executor.domain.cluster_nodes import Kind
from services.executor.domain.cluster_quotas import Quota, hard
from services.executor.domain.network_policies import Openings
from services.executor.domain.pod_figures import CADVISOR, DEVICES
from shared.paths import JOBS
from shared.wrong_settings import WrongSettings

SOMEBODY = 1000
"""As whom runs are whose executor is root: they never are."""


def in_cluster(
    executor: str, home: Path, storage: Path, registries: Sequence[str]
) -> tuple[KubernetesBackend, ClusterReports]:
    """Not opened yet. `executor`: how it calls itself; `storage`: with the folders of jobs. Raises WrongSettings."""
    buffers.keep_small()
    garbage.look_rarely()
    said = KubernetesSettings()
    layout = replace(layout_of(executor, said), registries=registries)
    check_storage(layout.storages, storage)
    api = Api(said.config, said.context)
    nodes = ClusterNodes(api, layout.executor, layout.device_types, said.tolerations, said.node_labels)
    sources = _sources(api, said)
    backend = KubernetesBackend(
        api,
        home,
        layout,
        said.create_namespaces,
        said.existing_namespaces,
        said.patience_s,
        nodes,
        sources,
        output_bytes=said.output_mib << 20,
        start_s=said.start_s,
    )
    return backend, ClusterReports(executor, nodes)


def layout_of(executor: str, said: KubernetesSettings) -> Layout:
    """What the settings say of pods. Raises WrongSettings for a quota of devices that have no resource."""
    layout = Layout(
        executor=executor,
        namespaces=said.namespaces,
        image=said.image,
        pull_policy=said.pull_policy,
        pull_secrets=said.pull_secrets,
        storages=tuple(
            Storage(prefix, claim.claim, claim.sub_path, claim.read_only) for prefix, claim in said.storage.items()
        ),
        device_types={name: Kind(kind.resource, kind.labels) for name, kind in said.devices.items()},
        limit_cpus=said.limit_cpus,
        shares={name: Share(kind.cpus, kind.memory_mib) for name, kind in said.devices.items()},
        plugins_say=said.plugins_say,
        memory_mib=said.memory_mib,
        disk_mib=said.disk_mib,
        shared_memory_mib=said.shared_memory_mib,
        user=said.user or os.geteuid() or SOMEBODY,
        group=said.group or os.getegid() or SOMEBODY,
        image_groups=said.image_groups,
        read_only_root=said.read_only_root,
        tmp_mib=said.tmp_mib,
        priority_class=said.priority_class,
        runtime_class=said.runtime_class,
        scheduler=said.scheduler,
        node_labels=said.node_labels,
        tolerations=said.tolerations,
        labels=said.labels,
        annotations=said.annotations,
        openings=_openings(said) if said.network_policies else None,
        quotas={vc: Quota(each.devices, each.cpus, each.memory_mib, each.pods) for vc, each in said.quotas.items()},
        domain=said.domain,
        rank_table_s=said.rank_table_s,
    )
    for vc, quota in layout.quotas.items():
        try:
            hard(quota, layout.device_types)
        except ValueError as error:
            raise WrongSettings(f"JOBYARD_EXECUTOR_KUBERNETES_QUOTAS is wrong at {vc}: {error}.") from None
    return layout


def check_storage(storages: Sequence[Storage], folder: Path) -> None:
    """Raises WrongSettings where a job that names no path has no place: every one of them would end with that."""
    real = Path(os.path.realpath(folder))
    try:
        storage_of(real / JOBS / "of-one", False, storages)
    except Unplaceable as error:
        raise WrongSettings(
            f"JOBYARD_EXECUTOR_KUBERNETES_STORAGE names no claim that jobs could write to for {real}, where they have "
            "their folders unless they name others. Name one there, or set JOBYARD_STORAGE_FOLDER of all services to a "
            "folder that has one."
        ) from error


def _openings(said: KubernetesSettings) -> Openings:
    return Openings(
        dns=tuple(map(peer, said.dns)),
        callers=tuple(map(peer, said.callers)),
        reach=tuple(map(peer, said.reach)),
    )


def _sources(api: Api, said: KubernetesSettings) -> list[Source]:
    """Who says what runs use. Raises WrongSettings."""
    sources: list[Source] = []
    if said.usage in ("summary", "cadvisor"):
        proxied = said.kubelets == "proxied"
        kubelets = Kubelets(api, said.usage, said.namespaces, said.kubelet_ca, proxied, said.kubelet_token_file)
        sources.append(kubelets)
    if said.prometheus is not None:
        names = (*CADVISOR, *DEVICES) if said.usage == "prometheus" else DEVICES
        sources.append(Prometheus(said.prometheus, names, said.namespaces))
    elif said.usage == "prometheus":
        raise WrongSettings(
            "JOBYARD_EXECUTOR_KUBERNETES_USAGE is wrong: prometheus needs JOBYARD_EXECUTOR_KUBERNETES_PROMETHEUS."
        )
    return sources
