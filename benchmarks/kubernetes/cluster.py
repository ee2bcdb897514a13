"""A cluster for the benchmark: the real control plane of the tests, with nodes and pods that KWOK plays.

KWOK is the kubelets of all nodes: it says that nodes are ready, renews their leases, and takes pods that were bound
through running to their end. The API server, etcd, the scheduler and the controllers are the real ones.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.kubernetes.node_logs import NodeLogs
from benchmarks.kubernetes.writes import POLICY, USER, Writes
from services.executor.backends.kubernetes.api import Api
from tests.support.kubernetes.control_plane import ControlPlane
from tests.support.kubernetes.daemon import Daemon
from tests.support.kubernetes.programs import program
from tests.support.ports import free_port

RESOURCE = "nvidia.com/gpu"
CONTROLLERS = ("--kube-api-qps=500", "--kube-api-burst=1000")
"""Of the scheduler and the controllers: their defaults would be what is measured."""
GRACE = "--node-monitor-grace-period=80s"
"""Twice a lease of KWOK's nodes: a loaded machine takes none of them for lost."""
KWOK = ("--manage-all-nodes=true", "--node-lease-duration-seconds=40", "--node-ip=127.0.0.1")
_AT_ONCE = 20


class SimulatedCluster:
    """With as many nodes of 8 devices as were asked for. `writes`: of the executor, by its own user.

    A command that has devices runs for `lasts_s`, all others until they are stopped.
    """

    def __init__(self, folder: Path, lasts_s: float, most_held: int) -> None:
        policy, audit = folder / "audit-policy.json", folder / "audit.log"
        policy.write_text(json.dumps(POLICY))
        audit.touch()
        self.plane = ControlPlane(
            folder,
            users={USER: "system:masters"},
            more={
                "kube-apiserver": (f"--audit-policy-file={policy}", f"--audit-log-path={audit}"),
                "kube-scheduler": CONTROLLERS,
                "kube-controller-manager": (*CONTROLLERS, GRACE),
            },
        )
        self.kubeconfig = self.plane.write_kubeconfig(USER, {"token": self.plane.token_of(USER)})
        self.writes = Writes(audit)
        self.api = Api(self.plane.kubeconfig)
        port = free_port()
        self.logs = NodeLogs(*self.plane.certificate("kubelets", "127.0.0.1"), port, most_held)
        stages = folder / "stages.yaml"
        lasts_ms = str(round(lasts_s * 1000))
        stages.write_text((Path(__file__).parent / "stages.yaml").read_text().replace("MILLISECONDS", lasts_ms))
        arguments: list[str | Path] = [
            program("kwok"),
            *KWOK,
            f"--kubeconfig={self.plane.kubeconfig}",
            f"--config={stages}",
            "-v=WARN",
        ]
        own = f"--server-address=127.0.0.1:{free_port()}"  # else it takes the nodes' port itself
        self.kwok = Daemon([*arguments, f"--node-port={port}", own], folder / "kwok.log", lambda: True)

    async def add_nodes(self, count: int) -> None:
        """Return when all of them are ready."""
        names = iter(f"node-{number:04}" for number in range(count))
        await asyncio.gather(*(self._add(names) for _ in range(_AT_ONCE)))

        while await self._ready() < count:  # noqa: ASYNC110  (the API server is asked)
            await asyncio.sleep(1)

    async def _ready(self) -> int:
        page = await self.api.get("/api/v1/nodes", {"resourceVersion": "0"})
        return sum(_is_ready(node["status"]) for node in page["items"])

    async def _add(self, names: Iterable[str]) -> None:
        for name in names:
            has = {"cpu": "64", "memory": "512Gi", "pods": "500", RESOURCE: "8"}
            metadata = {"name": name, "labels": {"kubernetes.io/hostname": name, "type": "kwok"}}
            node = {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": metadata,
                "status": {"capacity": has, "allocatable": has},
            }
            await self.api.create("/api/v1/nodes", node)


@asynccontextmanager
async def simulated(folder: Path, lasts_s: float, most_held: int) -> AsyncIterator[SimulatedCluster]:
    """Without nodes at first; ends with all its processes."""
    cluster = SimulatedCluster(folder, lasts_s, most_held)
    try:
        await asyncio.to_thread(cluster.plane.start)
        await cluster.api.open()
        await cluster.logs.open(lasts_s)
        await asyncio.to_thread(cluster.kwok.start)
        yield cluster
    finally:
        await asyncio.to_thread(cluster.kwok.stop)
        await cluster.logs.close()
        await cluster.api.close()
        await asyncio.to_thread(cluster.plane.stop)


def _is_ready(status: dict[str, list[dict[str, str]]]) -> bool:
    return any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions", []))
