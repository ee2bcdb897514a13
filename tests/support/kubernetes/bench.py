"""The backend `kubernetes` for the contract suite: a namespace of its own, whose storage is the test's folder."""

import contextlib
from dataclasses import replace
from pathlib import Path

from services.executor.backends.kubernetes.api import Api, ApiError, Document
from services.executor.backends.kubernetes.backend import KubernetesBackend
from services.executor.backends.kubernetes.manifest import Layout, Storage
from services.executor.backends.protocol import RunOrder
from services.executor.domain import pod_names as names
from tests.support.executor_backend import Bench
from tests.support.kubernetes.cluster import IMAGE
from tests.support.waiting import until

_PORT = ("", "_PROTO", "_PORT", "_ADDR")
_SERVICE = ("PORT", "SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTPS", *(f"PORT_443_TCP{part}" for part in _PORT))
BROUGHT = frozenset({"HOSTNAME", "HOME", *(f"KUBERNETES_{name}" for name in _SERVICE)})
"""What a kubelet adds to every environment."""


class KubernetesBench(Bench):
    """`vc` names the namespace."""

    apart = False
    within_s = 120.0

    def __init__(self, kubeconfig: Path, home: Path, folder: Path, vc: str, patience_s: float = 60.0) -> None:
        self.home = home
        self.vc = vc
        self.namespace = names.namespace(vc)
        self.layout = Layout(
            executor=f"test-{vc}",
            image=IMAGE,
            pull_policy="Never",
            storages=(Storage(folder, "work"),),
            limit_cpus=False,
            shared_memory_mib=64,
        )
        self.api = Api(kubeconfig)
        super().__init__(
            lambda: KubernetesBackend(Api(kubeconfig), home, self.layout, patience_s=patience_s), folder, BROUGHT
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

    def forget_end(self, run_id: str) -> None:
        """As an executor that was killed before it had written how the run ended."""
        (self.home / f"{run_id}.end").unlink()

    async def prepare(self) -> None:
        """The namespace as the backend makes it, and the claim in it."""
        await self.api.open()
        self._share_folder()
        await self._made("/api/v1/persistentvolumes", self._volume())
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        namespace: Document = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": self.namespace, "labels": labels},
        }
        await self._made("/api/v1/namespaces", namespace)
        claims = f"/api/v1/namespaces/{self.namespace}/persistentvolumeclaims"
        await self._made(claims, self._claim())

        async def bound() -> bool:
            return bool((await self.api.get(f"{claims}/work"))["status"].get("phase") == "Bound")

        await until(bound, "the claim is bound")

    async def clear(self) -> None:
        """Nothing of it stays in the cluster."""
        pods = f"/api/v1/namespaces/{self.namespace}/pods"
        for pod in (await self.api.get(pods))["items"]:
            path = f"{pods}/{pod['metadata']['name']}"
            with contextlib.suppress(ApiError):  # it has gone meanwhile
                await self.api.patch(path, {"metadata": {"finalizers": None}})
                await self.api.delete(path, {"gracePeriodSeconds": 1})
        await self.api.delete(f"/api/v1/namespaces/{self.namespace}", {})
        await self.api.delete(f"/api/v1/persistentvolumes/{self.namespace}", {})
        await self.api.close()

    def _share_folder(self) -> None:
        """The pod's user is nobody of this machine: what leads to the folder may be entered, the folder be written."""
        self.folder.mkdir()
        self.folder.chmod(0o777)
        for parent in self.folder.parents:
            if parent.stat().st_mode & 0o5 != 0o5:
                parent.chmod(parent.stat().st_mode | 0o5)

    async def _made(self, path: str, document: Document) -> None:
        await self.api.create(path, document)

    def _volume(self) -> Document:
        spec = {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteMany"],
            "storageClassName": "",
            "persistentVolumeReclaimPolicy": "Retain",
            "hostPath": {"path": str(self.folder)},
            "claimRef": {"namespace": self.namespace, "name": "work"},
        }
        return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": self.namespace}, "spec": spec}

    def _claim(self) -> Document:
        spec = {
            "accessModes": ["ReadWriteMany"],
            "storageClassName": "",
            "volumeName": self.namespace,
            "resources": {"requests": {"storage": "1Gi"}},
        }
        return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "work"}, "spec": spec}
