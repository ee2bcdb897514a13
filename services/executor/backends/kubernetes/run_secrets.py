"""Secrets that stand beside the pods of runs: one for a run, made before its pod, and gone when the run is over.

One of that name which was not made for the run is nobody's here: it is neither read nor removed.
"""

import base64
from collections.abc import Callable, Mapping

from services.executor.backends.kubernetes.api import Api, Document
from services.executor.backends.kubernetes.refusals import ApiError
from services.executor.domain import pod_names as names

FOREIGN = "Foreign"
"""The reason of a refusal: what has the run's name is not the run's."""


class RunSecrets:
    """Of the runs of one cluster; `name_of` a pod's name is the Secret's. All raises ApiError, ClusterAway."""

    def __init__(self, api: Api, name_of: Callable[[str], str]) -> None:
        self._api = api
        self._name_of = name_of
        self._gone: set[str] = set()
        """Runs whose Secrets are removed."""

    async def make(self, namespace: str, document: Document) -> bool:
        """Whether there was none before, of an earlier launch or of somebody else."""
        try:
            await self._api.create(f"/api/v1/namespaces/{namespace}/secrets", document)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
            return False
        return True

    async def read(self, run_id: str, namespace: str) -> Document:
        """ApiError is 404 and FOREIGN when it is somebody else's."""
        secret = await self._api.get(self._path(run_id, namespace))
        if (secret["metadata"].get("annotations") or {}).get(names.RUN) != run_id:
            name = secret["metadata"]["name"]
            raise ApiError(404, FOREIGN, f"A Secret with the name {name} is there that was not made for the run.")
        return secret

    async def change(self, run_id: str, namespace: str, values: Mapping[str, str]) -> None:
        """Whose it is has been read before."""
        await self._api.patch(self._path(run_id, namespace), {"data": encoded(values)})

    async def remove(self, run_id: str, namespace: str) -> None:
        """The run is over."""
        if run_id in self._gone:
            return
        try:
            secret = await self.read(run_id, namespace)
            options = {"preconditions": {"uid": secret["metadata"]["uid"]}}
            await self._api.delete(self._path(run_id, namespace), options)
        except ApiError as error:
            if error.status not in (404, 409):  # it is gone, or another one by now
                raise
        self._gone.add(run_id)

    def forget(self, run_id: str) -> None:
        """Nobody asks for the run any more."""
        self._gone.discard(run_id)

    def _path(self, run_id: str, namespace: str) -> str:
        return f"/api/v1/namespaces/{namespace}/secrets/{self._name_of(names.pod_name(run_id))}"


def secret(pod: Document, owner: Document, name: str, values: Mapping[str, str], kind: str = "Opaque") -> Document:
    """As the API server takes it, for the run of this pod."""
    meta = pod["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": kind,
        "metadata": {
            "name": name,
            "labels": meta["labels"],
            "annotations": {names.RUN: meta["annotations"][names.RUN]},
            "ownerReferences": [owner],
        },
        "data": encoded(values),
    }


def encoded(values: Mapping[str, str]) -> dict[str, str]:
    return {name: base64.b64encode(value.encode()).decode() for name, value in values.items()}
