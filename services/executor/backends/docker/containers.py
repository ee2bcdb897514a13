"""A run as the engine is to make it: pure, from an order to the engine's own form of a container.

A run can reach what its submission names, and nothing else of the machine: no capability, no new privilege, a user that
is not root unless an operator said so, data that it can only read. Its image reaches nothing of the supervisor: the
folder with the supervisor's files has a name that no image can know, and what an image says of the environment comes
with the order, for the command alone.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from services.executor.backends.docker.mounts import Mount, bind_of
from services.executor.backends.docker.names import labels_of, network_of
from services.executor.backends.docker.users import User
from services.executor.backends.protocol import RunOrder
from services.executor.domain.container_devices import withheld

HERE = "/.jobyard-"
"""What the folder of the supervisor's own files begins with; a word that nobody can guess follows."""
FIRST_RANK = "rank-0"
"""By this name the other ranks of a run find the first."""
SUPERVISOR_MIB = 16
"""On top of a run's memory: the supervisor's own, so that the job has all that it asked for."""
LEAST_CPUS = 0.25
"""With less, the supervisor's start alone would take seconds."""
OOM_SCORE = 500
"""Where a machine has no memory left, a job's processes end before those of the platform."""
_NO_CORES = {"Name": "core", "Soft": 0, "Hard": 0}
"""What becomes of a core is the machine's to say, which may start a program of its own for it, as root."""
_LOG = {"Type": "json-file", "Config": {"max-size": "64k", "max-file": "1"}}
"""What the supervisor says when it cannot even begin; the run's own output never comes here."""

Kind = Literal["gpu", "npu"]


@dataclass(frozen=True)
class Image:
    """One that is on this node. `environment`: what it says of the variables of what runs in it."""

    name: str
    id: str
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Limits:
    """What a run may take that names nothing else itself."""

    memory_mib: int
    """Of a run that asks for none."""
    shm_mib: int = 0
    """0: half of the run's memory."""
    pids: int = 4096
    """Processes and threads; 0: as many as the machine has room for."""
    read_only: bool = False
    """Its image cannot be written to, and /tmp takes of its memory."""


@dataclass(frozen=True)
class Surroundings:
    """What is the same for all runs of a backend."""

    home_id: str
    boot_id: str
    runtime: Path
    """The interpreter's folder, and how it is started at a place."""
    argv: Callable[[str], list[str]]
    network: str
    limits: Limits
    ipv6: bool
    """Whether the kernel has it; the engine takes even its loopback away from containers, where programs expect it."""


def container_of(
    order: RunOrder,
    image: Image,
    user: User,
    mounts: Iterable[Mount],
    here: str,
    kind: Kind | None,
    surroundings: Surroundings,
) -> dict[str, Any]:
    """The engine's `config`. `here`: where the supervisor's files are; `kind`: of real devices that it gets."""
    argv = surroundings.argv(f"{here}/runtime")
    hidden = withheld("nvidia.com/gpu" if kind == "gpu" else None)
    host: dict[str, Any] = {
        "Mounts": [bind_of(mount) for mount in mounts],
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges:true"],
        "IpcMode": "private",
        "NetworkMode": network_of(surroundings.home_id, order.run_id) if order.ranks > 1 else surroundings.network,
        "RestartPolicy": {"Name": "no"},
        "Sysctls": {"net.ipv6.conf.lo.disable_ipv6": "0"} if surroundings.ipv6 else {},
        "LogConfig": _LOG,
        "NanoCpus": int(max(order.cpus, LEAST_CPUS) * 1e9),
        "OomScoreAdj": OOM_SCORE,
        "Ulimits": [_NO_CORES],
        **_limits(order, surroundings.limits),
        **_devices(order, kind),
    }
    config: dict[str, Any] = {
        "Image": image.id,
        "Entrypoint": argv[:1],
        "Cmd": argv[1:],
        "Env": [
            *sorted(image.environment.keys() - hidden),  # by its name alone, it is not there
            *(f"{name}={value}" for name, value in hidden.items()),
        ],
        "User": str(user),
        "WorkingDir": "/",
        "Hostname": f"rank-{order.rank}",
        "Labels": labels_of(order, image.name, surroundings.home_id, surroundings.boot_id),
        "OpenStdin": True,
        "StdinOnce": True,
        "StopSignal": "SIGTERM",
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": host,
    }
    if order.ranks > 1:
        alias = {"Aliases": [f"rank-{order.rank}"]}
        config["NetworkingConfig"] = {"EndpointsConfig": {network_of(surroundings.home_id, order.run_id): alias}}
    return config


def environment_of(order: RunOrder, image: Image, kind: Kind | None) -> dict[str, str]:
    """The image's, then the order's, where it is another in a container: the first rank's address, and how devices are
    counted there.
    """
    env = {**image.environment, **order.env}
    if order.ranks > 1:
        env["MASTER_ADDR"] = FIRST_RANK
    if kind == "gpu":
        env["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, range(len(_visible(order, "CUDA_VISIBLE_DEVICES")))))
    return env


def _limits(order: RunOrder, limits: Limits) -> dict[str, Any]:
    """No swap: what goes over its memory is killed, and says so, rather than slows the machine down."""
    asked = order.memory_mib or limits.memory_mib
    memory, half = (asked + SUPERVISOR_MIB) << 20, max(asked // 2, 1) << 20
    return {
        "Memory": memory,
        "MemorySwap": memory,
        "ShmSize": limits.shm_mib << 20 or half,
        "PidsLimit": limits.pids,
        "ReadonlyRootfs": limits.read_only,
        "Tmpfs": {"/tmp": f"rw,exec,nosuid,nodev,size={half}"} if limits.read_only else {},
    }


def _devices(order: RunOrder, kind: Kind | None) -> dict[str, Any]:
    if kind == "gpu":
        ids = _visible(order, "CUDA_VISIBLE_DEVICES")
        request = {"Driver": "nvidia", "DeviceIDs": ids, "Capabilities": [["gpu"]]}
        return {"DeviceRequests": [request]} if ids else {}
    if kind == "npu":
        numbers = _visible(order, "ASCEND_RT_VISIBLE_DEVICES")
        nodes = [f"/dev/davinci{number}" for number in numbers]
        nodes += ["/dev/davinci_manager", "/dev/devmm_svm", "/dev/hisi_hdc"]
        return {"Devices": list(_nodes(nodes))} if numbers else {}
    return {}


def _nodes(paths: Sequence[str]) -> Iterator[Mapping[str, str]]:
    for path in paths:
        yield {"PathOnHost": path, "PathInContainer": path, "CgroupPermissions": "rw"}


def _visible(order: RunOrder, name: str) -> list[str]:
    """The numbers by which the driver knows the run's devices."""
    return [number for number in order.env.get(name, "").split(",") if number]
