"""Settings of the executor, from the environment (`JOBYARD_EXECUTOR_...`)."""

import re
import socket
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode, SettingsConfigDict

from shared.contracts.base import NodeName
from shared.contracts.images import no_id
from shared.wrong_settings import Settings

_USER = re.compile(r"([^=:,]+)=(\d{1,9}):(\d{1,9})")
_REGISTRY = re.compile(r"[a-z0-9.*-]+(:[0-9]{1,5})?")
_DEVICE_TYPE = re.compile(r"^[a-z0-9][a-z0-9._-]{0,62}$")


def _parse_devices(value: Any) -> Any:
    """`v100=8,ascend910=8` as a dictionary."""
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in value.split(",")]
    if bad := [name for name, _, count in pairs if not count.strip().isdigit()]:
        raise ValueError(f"{bad[0]!r} needs a number of devices, as in 'v100=8,ascend910=8'")
    return {name.strip(): int(count) for name, _, count in pairs}


def _known_form(devices: dict[str, int]) -> dict[str, int]:
    for name, count in devices.items():
        if not _DEVICE_TYPE.match(name) or name == "cpu" or not 1 <= count <= 1024:
            raise ValueError(f"'{name}={count}' is no device type with 1 to 1024 devices, as in 'v100=8,ascend910=8'")
    return devices


def _parse_types(value: Any) -> Any:
    """`NVIDIA A100-SXM4-80GB=a100-80g,Ascend 910B3=ascend910b3` as a dictionary."""
    if not isinstance(value, str):
        return value
    pairs = [part.rpartition("=") for part in value.split(",") if part.strip()]
    if bad := [name or kind for name, _, kind in pairs if not name.strip()]:
        raise ValueError(f"{bad[0]!r} needs a model and its type, as in 'NVIDIA A100-SXM4-80GB=a100-80g'")
    return {name.strip(): kind.strip() for name, _, kind in pairs}


def _types(named: dict[str, str]) -> dict[str, str]:
    for kind in named.values():
        if not _DEVICE_TYPE.match(kind) or kind == "cpu":
            raise ValueError(f"{kind!r} is no device type: lower-case letters, digits, and . _ - between, not 'cpu'")
    return named


def _parse_users(value: Any) -> Any:
    """`ada=2001:2001,*=1000:1000` as a dictionary."""
    if not isinstance(value, str):
        return value
    found = {}
    for part in value.split(","):
        if not (pair := _USER.fullmatch(part.strip())):
            raise ValueError(f"{part!r} needs an owner, a user's and a group's number, as in 'ada=2001:2001'")
        found[pair[1]] = (int(pair[2]), int(pair[3]))
    return found


def _apart(network: str) -> str:
    if network == "host":
        raise ValueError("'host' would give every job this machine's own ports; name another network, or 'none'")
    return network


def _split_names(value: Any) -> Any:
    return tuple(name for name in re.split(r"[,:\s]+", value) if name) if isinstance(value, str) else value


def _split_list(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _patterns(registries: tuple[str, ...]) -> tuple[str, ...]:
    for registry in registries:
        if not _REGISTRY.fullmatch(registry):
            raise ValueError(f"{registry!r} is no registry, as 'docker.io', 'registry.lab:5000' or '*.example.org'")
    return registries


def node_name() -> str:
    """The machine's host name as one token of a subject."""
    name = re.sub(r"[^A-Za-z0-9_-]", "-", socket.gethostname().split(".")[0])[:63]
    return name if re.match(r"[A-Za-z0-9]", name) else f"node{name}"[:63]


class ExecutorSettings(Settings):
    """What this node is, and how long it keeps what."""

    model_config = SettingsConfigDict(
        env_prefix="JOBYARD_EXECUTOR_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    backend: Literal["process", "docker", "kubernetes"] = Field(
        "process",
        description="Where runs live: as processes of this machine, as containers of its Docker engine, or as pods of "
        "a Kubernetes cluster.",
    )
    node: NodeName = Field(default_factory=node_name, description="This node's name; by default the host's.")
    simulate: Annotated[dict[str, int], NoDecode, BeforeValidator(_parse_devices), AfterValidator(_known_form)] = Field(
        default_factory=dict,
        description="Devices that do not exist, `v100=8,ascend910=8`; labelled as simulated. The machine's own are "
        "left alone then.",
    )
    devices: Literal["auto", "none"] = Field(
        "auto",
        description="`auto`: this machine's GPUs and NPUs are found and given out, unless some are simulated; `none`: "
        "they are left alone.",
    )
    device_types: Annotated[dict[str, str], NoDecode, BeforeValidator(_parse_types), AfterValidator(_types)] = Field(
        default_factory=dict,
        description="Types that models are to have, as their driver names them: `NVIDIA A100-SXM4-80GB=a100-80g`; "
        "others are called by their model, as in `a100`, `v100`, `ascend910b`.",
    )
    groups: Literal["auto", "none"] = Field(
        "auto",
        description="Whether each run gets a control group of its own to be measured in, where one may be made.",
    )
    pass_env: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_names)] = Field(
        (), description="More names of the executor's environment that runs may see, for instance `HTTPS_PROXY`."
    )
    keep_output_s: float = Field(7 * 86_400, ge=0, description="How long whole outputs are kept for download.")
    keep_output_mib: int = Field(
        20_480,
        ge=0,
        description="How much they may take together; who takes over a quarter goes first, then the oldest.",
    )
    reconcile_s: float = Field(15.0, gt=0, description="How often this node compares itself with what is wanted.")
    report_s: float = Field(5.0, gt=0, description="How often this node says that it lives.")
    registries: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_list), AfterValidator(_patterns)] = Field(
        (),
        description="With `docker` and `kubernetes`: the registries that images of jobs and virtual clusters may come "
        "from, with their ports: `docker.io,registry.lab:5000,*.example.org`; none: all. Nodes pull from whatever host "
        "a job names otherwise.",
    )
    docker_host: str = Field(
        "unix:///var/run/docker.sock",
        pattern=r"^unix:///.+$",
        description="With `docker`: the engine's socket. Its containers are given paths of this machine, so it has to "
        "see the same ones.",
    )
    pull_stall_s: float = Field(
        600.0,
        gt=0,
        description="With `docker`: for how long nothing of an image may arrive before its pull is given up and the "
        "job held for a while.",
    )
    image: Annotated[str, AfterValidator(no_id)] | None = Field(
        None,
        description="With `docker`: of jobs that name none; without it they are refused.",
    )
    users: Annotated[dict[str, tuple[int, int]], NoDecode, BeforeValidator(_parse_users)] = Field(
        default_factory=dict,
        description="With `docker`: as whom the runs of which owner are, `ada=2001:2001,*=1000:1000`. Without it they "
        "are the executor's own user; an executor that is root needs it, and no other can have it.",
    )
    network: Annotated[str, AfterValidator(_apart)] = Field(
        "bridge",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$",
        description="With `docker`: the engine's network that runs of one rank are in. Several ranks have one of their "
        "own, which leads where the engine's `bridge` does. `none`: runs reach nothing but their other ranks.",
    )
    memory_mib: int = Field(
        0,
        ge=0,
        description="With `docker`: the memory of jobs that ask for none; 0: seven eighths of this machine's, so that "
        "no job alone takes all of it.",
    )
    shm_mib: int = Field(0, ge=0, description="With `docker`: the size of /dev/shm; 0: half of the job's memory.")
    pids: int = Field(
        4096,
        ge=0,
        description="With `docker`: how many processes and threads a run may have; 0: as many as there is room for.",
    )
    read_only: bool = Field(
        False,
        description="With `docker`: whether nothing of an image can be written to. /tmp is there all the same, and "
        "takes of the job's memory.",
    )
    stream_host: str | None = Field(
        None,
        description="An address of this node at which services on other machines reach streams into its runs. The "
        "network in between has to be trusted: nothing is encrypted.",
    )
    stream_port: int = Field(0, ge=0, le=65_535, description="The port there; 0: any free one.")
    idle_s: float = Field(30.0, gt=0, description="How long the warm parent of supervisors waits for an executor.")
