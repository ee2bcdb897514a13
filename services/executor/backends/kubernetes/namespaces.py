"""A namespace for each virtual cluster: made when its first run comes, held to the `restricted` Pod Security level.

What Jobyard makes there belongs to one ConfigMap, so that deleting that removes all of it.
"""

import asyncio

import structlog

from services.executor.backends.kubernetes.api import Api, ApiError, Document
from services.executor.domain import pod_names as names

log = structlog.get_logger()

_LEVEL = "pod-security.kubernetes.io"


class Namespaces:
    """Those that are known to be there. `create`: whether missing ones are made."""

    def __init__(self, api: Api, create: bool) -> None:
        self._api = api
        self._create = create
        self._anchors: dict[str, Document] = {}
        self._making = asyncio.Lock()

    async def anchor(self, name: str, vc: str) -> Document:
        """The owner reference for what is made in the namespace, which is there. Raises ApiError, ClusterAway."""
        async with self._making:
            if name not in self._anchors:
                if self._create:
                    await self._made("/api/v1/namespaces", _namespace(name, vc))
                anchor = await self._made(f"/api/v1/namespaces/{name}/configmaps", _anchor(vc), names.ANCHOR)
                self._anchors[name] = {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "name": names.ANCHOR,
                    "uid": anchor["metadata"]["uid"],
                }
        return self._anchors[name]

    def forget(self, name: str) -> None:
        """It may be gone: look again."""
        self._anchors.pop(name, None)

    async def _made(self, path: str, document: Document, name: str | None = None) -> Document:
        try:
            made = await self._api.create(path, document)
            log.info("cluster_object_made", kind=document["kind"], name=document["metadata"]["name"])
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
            made = await self._api.get(f"{path}/{name or document['metadata']['name']}")
        return made


def _namespace(name: str, vc: str) -> Document:
    labels = {names.MANAGED_BY: names.JOBYARD, f"{_LEVEL}/enforce": "restricted", f"{_LEVEL}/warn": "restricted"}
    metadata = {"name": name, "labels": labels, "annotations": {names.VC: vc}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def _anchor(vc: str) -> Document:
    metadata = {"name": names.ANCHOR, "labels": {names.MANAGED_BY: names.JOBYARD}, "annotations": {names.VC: vc}}
    data = {"about": f"Owns all that Jobyard runs for the virtual cluster {vc}. Deleting it removes all of that."}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
