"""Settings of the backend `kubernetes`, from the environment (`JOBYARD_EXECUTOR_KUBERNETES_...`)."""

from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

_LABEL = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]


def _inside(path: str) -> str:
    if path.startswith("/") or ".." in path.split("/"):
        raise ValueError(f"{path!r} leads out of its claim: write it without a '/' at the start and without '..'")
    return path


class ClaimSettings(BaseModel):
    """A claim of storage, and what of it a prefix of paths is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    claim: Name
    sub_path: Annotated[str, AfterValidator(_inside)] = ""


class DeviceSettings(BaseModel):
    """What the cluster calls devices of a type."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    resource: Annotated[str, Field(min_length=1, max_length=253)]
    labels: dict[str, str] = Field(default_factory=dict)


class KubernetesSettings(BaseSettings):
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
    image: str = Field("", description="Of jobs that name none; without it they are refused.")
    pull_policy: Literal["Always", "IfNotPresent", "Never"] = Field(
        "IfNotPresent", description="When images are pulled."
    )
    pull_secrets: tuple[Name, ...] = Field((), description="Secrets of each namespace that images are pulled with.")
    storage: dict[PurePosixPath, ClaimSettings] = Field(
        default_factory=dict,
        description='Prefixes of paths, and the claims that they lie on: `{"/srv/jobs": {"claim": "jobs"}}`.',
    )
    devices: dict[str, DeviceSettings] = Field(
        default_factory=dict,
        description='Device types: `{"v100": {"resource": "nvidia.com/gpu", "labels": {"nvidia.com/gpu.product": '
        '"Tesla-V100"}}}`.',
    )
    limit_cpus: bool = Field(True, description="Whether a run may use no more processors than it asked for.")
    shared_memory_mib: int = Field(1024, ge=1, description="The size of /dev/shm.")
    user: int = Field(1000, ge=1, description="The user that runs are, as a number.")
    group: int = Field(1000, ge=1, description="Their group.")
    read_only_root: bool = Field(False, description="Whether an image's own files cannot be written.")
    priority_class: str | None = Field(None, pattern=_LABEL, description="The pods' priority class.")
    tolerations: tuple[dict[str, Any], ...] = Field((), description="The pods' tolerations.")
    patience_s: float = Field(
        60.0,
        gt=0,
        description="How long a pod may wait for an image or for room before its run is given up, and a node be asked "
        "for the log of one that has ended.",
    )
