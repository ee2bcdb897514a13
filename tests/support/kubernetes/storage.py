"""Storage of a test's namespace: a folder of this machine as a volume, for one claim alone."""

import contextlib
from pathlib import Path

from services.executor.backends.kubernetes.api import Api, Document
from services.executor.backends.kubernetes.refusals import ApiError
from tests.support.waiting import until

CLAIM = "work"


async def make_claim(api: Api, namespace: str, folder: Path) -> None:
    """The namespace, held to the restricted level, and in it the claim. Returns when the claim is bound."""
    share(folder)
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    await api.create("/api/v1/persistentvolumes", volume(namespace, folder, namespace, CLAIM))
    await api.create("/api/v1/namespaces", document("Namespace", namespace, labels=labels))
    claims = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims"
    await api.create(claims, claim(CLAIM, namespace))

    async def bound() -> bool:
        return bool((await api.get(f"{claims}/{CLAIM}"))["status"].get("phase") == "Bound")

    await until(bound, "the claim is bound")


async def remove_claim(api: Api, namespace: str) -> None:
    """With the namespace and all that is in it."""
    pods = f"/api/v1/namespaces/{namespace}/pods"
    for pod in (await api.get(pods))["items"]:
        with contextlib.suppress(ApiError):  # it has gone meanwhile
            await api.patch(f"{pods}/{pod['metadata']['name']}", {"metadata": {"finalizers": None}})
    await api.delete(f"/api/v1/namespaces/{namespace}", {})
    await api.delete(f"/api/v1/persistentvolumes/{namespace}", {})


def share(folder: Path) -> None:
    """A pod's user is nobody of this machine: what leads to the folder may be entered, the folder be written."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o777)
    for parent in folder.parents:
        if parent.stat().st_mode & 0o5 != 0o5:
            parent.chmod(parent.stat().st_mode | 0o5)


def volume(name: str, folder: Path, namespace: str, claim: str, mode: str = "ReadWriteMany") -> Document:
    """The folder, as a claim may have it."""
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": [mode],
        "storageClassName": "",
        "persistentVolumeReclaimPolicy": "Retain",
        "hostPath": {"path": str(folder)},
        "claimRef": {"namespace": namespace, "name": claim},
    }
    return document("PersistentVolume", name, spec)


def claim(name: str, volume: str) -> Document:
    spec = {
        "accessModes": ["ReadWriteMany"],
        "storageClassName": "",
        "volumeName": volume,
        "resources": {"requests": {"storage": "1Gi"}},
    }
    return document("PersistentVolumeClaim", name, spec)


def document(kind: str, name: str, spec: Document | None = None, **metadata: object) -> Document:
    """Of a kind of the API's version 1."""
    made: Document = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, **metadata}}
    return made if spec is None else made | {"spec": spec}
