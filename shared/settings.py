"""Settings that every service shares, from the environment (`JOBYARD_...`)."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AnyHttpUrl, BeforeValidator, Field, SecretStr, TypeAdapter
from pydantic_settings import NoDecode, SettingsConfigDict

from shared.wrong_settings import Settings


def _split_paths(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(Path(part) for part in value.split(os.pathsep) if part)
    return value


def _check_address(value: str) -> str:
    """As it stands, once it is known to be one. Raises ValueError."""
    TypeAdapter(AnyHttpUrl).validate_python(value)
    return value


HttpUrl = Annotated[str, AfterValidator(_check_address)]


class PlatformSettings(Settings):
    """One installation: where its data lies, and how its parts find one another."""

    model_config = SettingsConfigDict(env_prefix="JOBYARD_", env_ignore_empty=True, extra="ignore", frozen=True)

    data: Path = Field(Path(".jobyard"), description="Folder of everything that this installation keeps.")
    storage_folder: Path | None = Field(
        None,
        description="Where relative paths of jobs start, the same for gateway and executors; none: `<data>/storage`.",
    )
    path_roots: Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_split_paths)] = Field(
        (), description="Folders beside the storage that jobs may use, separated as in PATH."
    )
    nats_url: str = Field(
        "nats://127.0.0.1:4222",
        repr=False,
        description="The NATS server, or those of a cluster with commas between them; may hold user and password.",
    )
    mongo_url: SecretStr | None = Field(None, description="MongoDB; without it, documents live in SQLite files.")
    nats_replicas: int = Field(
        1, ge=1, le=5, description="Copies of each stream, in a NATS cluster of so many servers."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="What is less grave is left out."
    )
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="`auto`: coloured lines on a terminal, else JSON."
    )
    health_host: str = Field("127.0.0.1", description="Where `/healthz`, `/readyz` and `/metrics` of a process listen.")
    health_port: int | None = Field(None, ge=1, le=65535, description="Their port; none: they are not served.")
    min_free_mib: int = Field(
        256, ge=0, description="With less room on the data folder's disk the jobs service takes no submissions."
    )
    min_free_percent: float = Field(0.0, ge=0, le=50, description="The same, as a part of the whole disk.")
    events_max_bytes: int = Field(4 << 30, description="Size of the EVENTS stream.")
    metrics_max_bytes: int = Field(
        512 << 20, description="Size of the METRICS stream, which keeps each job's last hour; the oldest goes first."
    )
    prometheus_url: HttpUrl | None = Field(
        None,
        repr=False,
        description="A Prometheus that scrapes this installation: METRICS of jobs are read from it, and people's "
        "Grafana reaches it through the gateway; may hold user and password. None: METRICS of the last hour, from the "
        "METRICS stream.",
    )
    metrics_token: SecretStr | None = Field(
        None,
        description="What Prometheus has to bring as a bearer token for `/metrics` of a health port; none: whoever "
        "reaches the port reads it, programs of jobs on the same machine too.",
    )
    otlp_url: str | None = Field(
        None, description="An OpenTelemetry collector's OTLP/HTTP address, `http://collector:4318`; none: no traces."
    )
    logs_max_bytes: int = Field(1 << 30, description="Size of the LOGS stream; the oldest chunks go first.")

    @property
    def storage(self) -> Path:
        """Where relative paths of jobs start."""
        return self.storage_folder or self.data / "storage"
