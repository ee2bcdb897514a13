"""The backend `kubernetes` for the contract suite: a namespace of its own, whose storage is the test's folder."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from services.executor.backends.kubernetes.api import Api
from services.executor.backends.kubernetes.backend import KubernetesBackend
from services.executor.backends.kubernetes.kubelets import Kubelets
from services.executor.backends.kubernetes.layout import Layout, Storage
from services.executor.backends.kubernetes.measuring import Source
from services.executor.backends.kubernetes.nodes import ClusterNodes
from services.executor.backends.kubernetes.refusals import ApiError
from services.executor.backends.protocol import RunOrder
from services.executor.domain import pod_names as names
from services.executor.domain.container_devices import withheld
from tests.support.executor_backend import Bench, Seen
from tests.support.kubernetes.cluster import IMAGE
from tests.support.kubernetes.storage import CLAIM, make_claim, remove_claim, share
from tests.support.waiting import until

_PORT = ("", "_PROTO", "_PORT", "_ADDR")
_SERVICE = ("PORT", "SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTPS", *(f"PORT_443_TCP{part}" for part in _PORT))
BROUGHT = frozenset({"HOSTNAME", "HOME", *withheld(None), *(f"KUBERNETES_{name}" for name in _SERVICE)})
"""What a kubelet adds to every environment, and what a pod is told of devices."""


class KubernetesBench(Bench):
    """`vc` names the namespace; `through` is the backend's own way to the cluster, if that is another one."""

    apart = False
    reached = frozenset({"127.0.0.1", "0.0.0.0", "::", "::ffff:127.0.0.1"})
    relays = True
    within_s = 120.0

    def __init__(
        self,
        kubeconfig: Path,
        home: Path,
        folder: Path,
        vc: str,
        patience_s: float = 60.0,
        through: Path | None = None,
        tolerations: tuple[dict[str, Any], ...] = (),
    ) -> None:
        self.home = home
        self.storage = folder
        self.vc = vc
        self.namespace = names.namespace(vc)
        self.existing = [self.namespace]
        """For the claim is made in it before any run comes."""
        self.layout = Layout(
            executor=f"test-{vc}",
            image=IMAGE,
            pull_policy="Never",
            storages=(Storage(folder, CLAIM),),
            limit_cpus=False,
            shared_memory_mib=64,
            tolerations=tolerations,
        )
        self.api = Api(kubeconfig)
        self.sources: tuple[Source, ...] = ()
        """Who says what devices do, beside the kubelets."""
        self.output_bytes = 0
        """What is kept of one run's output; 0: all of it."""

        self.start_s = 10_800.0
        """What a node may take to start a run that nothing is known to keep from it."""
        self._kubeconfig = through or kubeconfig
        self._patience_s = patience_s
        super().__init__(self._made, folder / "jobs", BROUGHT)

    def _made(self) -> KubernetesBackend:
        api, layout = Api(self._kubeconfig), self.layout
        self.nodes = ClusterNodes(api, layout.executor, {}, layout.tolerations, {})
        sources = (Kubelets(api, "summary", layout.namespaces), *self.sources)
        return KubernetesBackend(
            api,
            self.home,
            layout,
            existing_namespaces=self.existing,
            patience_s=self._patience_s,
            nodes=self.nodes,
            sources=sources,
            output_bytes=self.output_bytes,
            start_s=self.start_s,
        )

    def order(
        self,
        script: str | tuple[str, ...],
        run_id: str | None = None,
        grace_s: float = 10,
        hidden: tuple[str, ...] = (),
    ) -> RunOrder:
        """With so little of the node that many fit."""
        return replace(super().order(script, run_id, grace_s, hidden), vc=self.vc, cpus=0.01)

    async def reach_by(self, kubeconfig: Path) -> None:
        """The next executor's process reaches the cluster by this one."""
        self._kubeconfig = kubeconfig
        await self.reopen()

    def pod(self, run_id: str) -> str:
        """Where the API server has the run's pod."""
        return f"/api/v1/namespaces/{self.namespace}/pods/{names.pod_name(run_id)}"

    async def remove(self, run_id: str) -> None:
        """The run's pod, as somebody else would; it is gone then."""
        path = self.pod(run_id)

        async def gone() -> bool:
            try:
                await self.api.delete(path, {"gracePeriodSeconds": 1})
            except ApiError as error:
                return error.status == 404
            return False

        await until(gone, f"the pod of {run_id} is gone")

    async def launched_until(self, order: RunOrder, *kinds: type[Seen]) -> Seen:
        """Launched again and again, as a run is that shows no sign of a start; its first observation of these kinds."""
        found: list[Seen] = []

        async def there() -> bool:
            await self.backend.launch([order])
            seen = await self.seen(order.run_id)
            if isinstance(seen, kinds):
                found.append(seen)
            return bool(found)

        await until(there, f"{order.run_id} is {kinds[0].__name__}", within=self.within_s)
        return found[0]

    async def repair(self) -> None:
        """What stands around the runs, without waiting for the next look at it."""
        assert isinstance(self.backend, KubernetesBackend)
        await self.backend.observe([])  # its pods are known
        await self.backend.fences.repair()

    def forget(self, run_id: str) -> None:
        """As an executor that was killed when it had asked for the pod, and had heard nothing of it."""
        for suffix in (".start", ".end"):
            (self.home / f"{run_id}{suffix}").unlink(missing_ok=True)

    async def prepare(self) -> None:
        """The namespace as the backend makes it, and the claim in it."""
        await self.api.open()
        await make_claim(self.api, self.namespace, self.storage)
        share(self.folder)

    async def clear(self) -> None:
        """Nothing of it stays in the cluster."""
        await remove_claim(self.api, self.namespace)
        await self.api.close()
