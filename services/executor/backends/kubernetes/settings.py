"""Settings of the backend `kubernetes`, from the environment (`JOBYARD_EXECUTOR_KUBERNETES_...`)."""

from ipaddress import IPv4Network
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_settings import SettingsConfigDict

from services.executor.backends.kubernetes.network_settings import (
    AddressesSettings,
    LabelKey,
    Labels,
    PeerSettings,
    PodsSettings,
)
from services.executor.domain.container_devices import NVIDIA_EXTRAS
from services.executor.domain.pod_names import MANAGED_BY, PREFIX
from shared.contracts.images import no_id
from shared.wrong_settings import Settings

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]


def _inside(path: str) -> str:
    if path.startswith("/") or ".." in path.split("/"):
        raise ValueError(f"{path!r} leads out of its claim: write it without a '/' at the start and without '..'")
    return path


def _extra(name: str) -> str:
    if name not in NVIDIA_EXTRAS:
        raise ValueError(f"{name!r} is none of {', '.join(sorted(NVIDIA_EXTRAS))}")
    return name


def _theirs(said: dict[str, str]) -> dict[str, str]:
    for key in said:
        if key.startswith(PREFIX) or key == MANAGED_BY:
            raise ValueError(f"{key!r} is Jobyard's own to say")
    return said


STAYS = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false", "karpenter.sh/do-not-disrupt": "true"}
"""By which autoscalers leave alone what would lose its work."""


def _staying(said: dict[str, str]) -> dict[str, str]:
    return {**STAYS, **said}


Annotation = Annotated[str, Field(max_length=4096)]


class ClaimSettings(BaseModel):
    """A claim of storage, and what of it a prefix of paths is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    claim: Name
    sub_path: Annotated[str, AfterValidator(_inside)] = ""
    read_only: bool = False


class DeviceSettings(BaseModel):
    """What the cluster calls devices of a type, and what a run has at least for each of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    resource: Annotated[str, Field(min_length=1, max_length=253)]
    labels: Labels = Field(default_factory=dict)
    cpus: Annotated[float, Field(ge=0, le=4096)] = 0.0
    memory_mib: Annotated[int, Field(ge=0, le=67_108_864)] = 0


class QuotaSettings(BaseModel):
    """What a virtual cluster may have at most; what is not said has no bound."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    devices: dict[str, Annotated[int, Field(ge=0, le=1_000_000)]] = Field(default_factory=dict)
    cpus: Annotated[float | None, Field(ge=0, le=10_000_000)] = None
    memory_mib: Annotated[int | None, Field(ge=0, le=2**40)] = None
    pods: Annotated[int | None, Field(ge=0, le=1_000_000)] = None


_KUBE_SYSTEM = {"kubernetes.io/metadata.name": "kube-system"}
_KUBE_DNS = PodsSettings(namespaces=_KUBE_SYSTEM, pods={"k8s-app": "kube-dns"})
_NODE_LOCAL_DNS = (
    PodsSettings(namespaces=_KUBE_SYSTEM, pods={"k8s-app": "node-local-dns"}),
    AddressesSettings(cidr=IPv4Network("169.254.20.10/32")),
)
"""The cache that many managed clusters have on each node: its pods, and where it listens as it is usually set up."""


class KubernetesSettings(Settings):
    """Which cluster, and what its operators want of every pod. What has several values is JSON."""

    model_config = SettingsConfigDict(
        env_prefix="JOBYARD_EXECUTOR_KUBERNETES_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    config: Path | None = Field(
        None, description="A kubeconfig; none: the service account of the pod that the executor runs in."
    )
    context: str | None = Field(None, description="Of the kubeconfig; none: its current one.")
    namespaces: str = Field(
        "jobyard-",
        pattern=r"^[a-z0-9][a-z0-9-]{0,30}$",
        description="What the namespaces of virtual clusters begin with.",
    )
    create_namespaces: bool = Field(
        True, description="Whether a virtual cluster's namespace is made when its first run comes."
    )
    existing_namespaces: tuple[Name, ...] = Field(
        (),
        description="Namespaces that others have made for runs. One that was there before, and is not named here, is "
        "refused while `CREATE_NAMESPACES` is on: it may be somebody else's.",
    )
    image: Literal[""] | Annotated[str, AfterValidator(no_id)] = Field(
        "", description="Of jobs that name none; without it they are refused."
    )
    pull_policy: Literal["Always", "IfNotPresent", "Never"] = Field(
        "IfNotPresent", description="When images are pulled."
    )
    pull_secrets: tuple[Name, ...] = Field((), description="Secrets of each namespace that images are pulled with.")
    storage: dict[PurePosixPath, ClaimSettings] = Field(
        default_factory=dict,
        description='Prefixes of paths, and the claims that they lie on: `{"/srv/jobs": {"claim": "jobs"}}`; of one '
        'with `"read_only": true` jobs can only read, as of data that many share.',
    )
    devices: dict[str, DeviceSettings] = Field(
        default_factory=dict,
        description='Device types: `{"v100": {"resource": "nvidia.com/gpu", "labels": {"nvidia.com/gpu.product": '
        '"Tesla-V100"}, "cpus": 8, "memory_mib": 65536}}`. `cpus`: a run has at least so many for each device; '
        "`memory_mib`: for each, if it asks for no memory.",
    )
    plugins_say: tuple[Annotated[str, AfterValidator(_extra)], ...] = Field(
        (),
        description="Variables by which the cluster's device plugins give GPU pods more of a node than GPUs, for "
        'instance `["NVIDIA_GDS", "NVIDIA_MOFED"]`. All others of this kind are empty in pods.',
    )
    limit_cpus: bool = Field(True, description="Whether a run may use no more processors than it asked for.")
    memory_mib: int = Field(
        8192, ge=0, le=67_108_864, description="The limit of a run that asks for no memory; 0: none."
    )
    disk_mib: int = Field(
        20_480,
        ge=0,
        le=2**30,
        description="The limit of what a run writes beside its folders, its console included; 0: none.",
    )
    output_mib: int = Field(
        5120,
        ge=0,
        le=2**30,
        description="How much of what a run prints is kept and shown; of one that prints more, the end is kept beside "
        "it. 0: no bound.",
    )
    shared_memory_mib: int = Field(
        1024, ge=1, description="The size of /dev/shm, as far as the run's memory goes; what lies there counts as that."
    )
    user: int | None = Field(
        None,
        ge=1,
        description="The user that runs are, as a number; none: the executor's own, or 1000 if that is root.",
    )
    group: int | None = Field(None, ge=1, description="Their group; none: as with the user.")
    image_groups: bool = Field(
        False,
        description="Whether runs are also in the groups that their image's /etc/group puts them into, other people's "
        "and root's among them. Only for nodes whose container runtime cannot keep them out (before containerd 2.0 or "
        "CRI-O 1.31): these refuse pods otherwise.",
    )
    read_only_root: bool = Field(False, description="Whether an image's own files cannot be written.")
    tmp_mib: int = Field(
        1024, ge=1, le=2**30, description="The size of /tmp, where an image's files cannot be written."
    )
    priority_class: Name | None = Field(None, description="The pods' priority class.")
    runtime_class: Name | None = Field(None, description="The pods' runtime class.")
    scheduler: Name | None = Field(None, description="The pods' scheduler; none: the cluster's own.")
    node_labels: Labels = Field(
        default_factory=dict, description="Labels of the nodes that runs come to; none: all nodes of the cluster."
    )
    tolerations: tuple[dict[str, Any], ...] = Field((), description="The pods' tolerations.")
    labels: Annotated[Labels, AfterValidator(_theirs)] = Field(
        default_factory=dict, max_length=64, description="More labels of the pods, for instance for a cost centre."
    )
    annotations: Annotated[dict[LabelKey, Annotation], AfterValidator(_theirs), AfterValidator(_staying)] = Field(
        default_factory=lambda: dict(STAYS),
        max_length=64,
        description='More annotations of the pods. `{"cluster-autoscaler.kubernetes.io/safe-to-evict": "false", '
        '"karpenter.sh/do-not-disrupt": "true"}`, which keep autoscalers from ending runs, are there unless they are '
        "given another value here.",
    )
    network_policies: bool = Field(
        True,
        description="Whether each namespace is closed by a NetworkPolicy, and a run's ranks opened to one another.",
    )
    dns: tuple[PeerSettings, ...] = Field(
        default_factory=lambda: (_KUBE_DNS, *_NODE_LOCAL_DNS),
        description="Who resolves names, as with `REACH`; runs may ask them on port 53, or on `ports`. Nothing said: "
        "`kube-dns`, as most clusters label it, and `node-local-dns`, in `kube-system`, and 169.254.20.10, where that "
        "one listens.",
    )
    callers: tuple[PeerSettings, ...] = Field(
        (),
        description="Who may connect to runs, for instance a Prometheus: "
        '`[{"namespaces": {"kubernetes.io/metadata.name": "monitoring"}, "ports": [9100]}]`.',
    )
    reach: tuple[PeerSettings, ...] = Field(
        (),
        description="What runs may connect to beside their own ranks, by labels as with `CALLERS`, or by addresses: "
        '`[{"cidr": "0.0.0.0/0", "without": ["10.0.0.0/8"]}]`. Link-local addresses have to be named themselves.',
    )
    quotas: dict[str, QuotaSettings] = Field(
        default_factory=dict,
        description="A ResourceQuota for virtual clusters, by name: "
        '`{"lab": {"devices": {"v100": 8}, "cpus": 64, "memory_mib": 524288, "pods": 100}}`.',
    )
    domain: str = Field(
        "",
        pattern=r"^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?)?$",
        description="The cluster's DNS domain (`cluster.local`), if ranks are to meet by name: each run of several "
        "gets a headless Service. None: they meet by address.",
    )
    rank_table_s: float = Field(
        300.0,
        ge=0,
        le=86_400,
        description="How long ranks on Ascend NPUs (`huawei.com/...`), once all of them are there, wait for HCCL's "
        "rank table, for which Huawei's device plugin says which they have, before their run fails; 0: they get none "
        "and do not wait for it.",
    )
    usage: Literal["summary", "cadvisor", "prometheus", "none"] = Field(
        "summary",
        description="Who says what runs use: the kubelets' summary, their cAdvisor, or `PROMETHEUS`. The summary knows "
        "nothing of block devices.",
    )
    kubelets: Literal["direct", "proxied"] = Field(
        "direct",
        description="How kubelets are asked. `proxied`, through the API server, needs the right `nodes/proxy`, with "
        "which commands can be run in every pod.",
    )
    kubelet_ca: Path | None = Field(
        None, description="Who signs the kubelets' certificates; none: the cluster's own authority."
    )
    kubelet_token_file: Path | None = Field(
        None,
        description="A file with the token that kubelets are shown, of an account that may get `nodes/stats` or "
        "`nodes/metrics` and nothing else; none: the executor's own, with which a node that is in wrong hands can do "
        "what the executor does.",
    )
    prometheus: str | None = Field(
        None,
        pattern=r"^https?://[^\s\"\\]+$",
        description="A Prometheus that scrapes the devices' exporters (DCGM, Ascend's), by its URL; none: what devices "
        "do is not known.",
    )
    patience_s: float = Field(
        60.0,
        gt=0,
        description="How long a pod may wait for an image or for room before its run is given up, and a node be asked "
        "for the log of one that has ended.",
    )
    start_s: float = Field(
        10_800.0,
        gt=0,
        description="How long a node may take to start a run that nothing is known to keep from it, from when it has "
        "taken the pod: for a large image, and for those of others that are pulled before it.",
    )
