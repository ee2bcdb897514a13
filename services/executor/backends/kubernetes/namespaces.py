"""A namespace for each virtual cluster: made when its first run comes, held to the `restricted` Pod Security level.

It says in an annotation whose it is, and one that says it is another's, or that the platform itself runs in, is never
used; nor is one that was there before, unless operators have named it (`made_namespaces`). What Jobyard makes there
belongs to one ConfigMap, so that deleting that removes all of it.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import structlog

from services.executor.backends.kubernetes.api import Api, Document
from services.executor.backends.kubernetes.layout import Unplaceable
from services.executor.backends.kubernetes.made_namespaces import MadeNamespaces
from services.executor.backends.kubernetes.refusals import ApiError
from services.executor.backends.kubernetes.surroundings import holds
from services.executor.domain import cluster_refusals
from services.executor.domain import pod_names as names
from services.executor.domain.quoted import sentence
from shared.contracts.events import Facts
from shared.contracts.job import Reason

log = structlog.get_logger()

_LEVEL = "pod-security.kubernetes.io"
_OWN = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True)
class Anchor:
    """Of a namespace that is there: whose it is, and the owner reference for what is made in it."""

    vc: str
    reference: Document


def own_namespace(file: Path = _OWN) -> str | None:
    """That of the pod which this process runs in; none outside of a cluster."""
    try:
        return file.read_text().strip()
    except OSError:
        return None


class Namespaces:
    """`made`: missing ones are made, and bounded; none: operators make them. `own`: where the platform itself runs."""

    def __init__(self, api: Api, made: MadeNamespaces | None, own: str | None = None) -> None:
        self._api = api
        self._made = made
        self._own = own
        self.known: dict[str, Anchor] = {}
        self._making: dict[str, asyncio.Lock] = {}
        """By namespace: one that does not answer keeps no other one's runs back."""

    async def anchor(self, name: str, vc: str) -> Document:
        """The owner reference for what is made in the namespace, which is there.

        Raises ApiError, ClusterAway, and Unplaceable for a namespace that is not the virtual cluster's, or not there.
        """
        async with self._making.setdefault(name, asyncio.Lock()):
            if name not in self.known:
                self.known[name] = Anchor(vc, await self._reference(name, vc))
            return self.known[name].reference

    async def stands(self, name: str) -> bool:
        """Whether the ConfigMap is still the one that is known: what belongs to one that is gone goes with it.

        Raises ApiError, ClusterAway.
        """
        if name not in self.known:
            return True
        try:
            there = (await self._api.get(f"/api/v1/namespaces/{name}/configmaps/{names.ANCHOR}"))["metadata"]
        except ApiError as error:
            if error.status != 404:
                raise
            return False
        return there["uid"] == self.known[name].reference["uid"] and "deletionTimestamp" not in there

    async def check(self, name: str, vc: str) -> None:
        """It is held to its level, and the virtual cluster's. Raises as `anchor` does, and OSError."""
        if self._made is not None:
            await self._bound(name, vc, (await self._api.get(f"/api/v1/namespaces/{name}"))["metadata"], self._made)

    def forget(self, name: str) -> None:
        """It may be gone: look again."""
        self.known.pop(name, None)

    async def _reference(self, name: str, vc: str) -> Document:
        if name == self._own:
            raise _taken(name, vc, "the platform itself runs there")
        if self._made is not None:
            await self._bound(name, vc, await self._there(name, vc, self._made), self._made)
        try:
            meta = (await self._created(f"/api/v1/namespaces/{name}/configmaps", _anchor(vc), names.ANCHOR))["metadata"]
        except ApiError as error:
            if self._made is None and cluster_refusals.lacks_namespace(error.status, error.message):
                raise closed(name, vc, error.message) from error
            raise
        if "deletionTimestamp" in meta:
            raise ApiError(409, "Leaving", f"The ConfigMap {names.ANCHOR} of the namespace {name} is being deleted.")
        return {"apiVersion": "v1", "kind": "ConfigMap", "name": names.ANCHOR, "uid": meta["uid"]}

    async def _there(self, name: str, vc: str, made: MadeNamespaces) -> Document:
        """The namespace's metadata; made now, if there is none."""
        try:
            there: Document = (await self._api.get(f"/api/v1/namespaces/{name}"))["metadata"]
        except ApiError as error:
            if error.status != 404:
                raise
            mark = await asyncio.to_thread(made.begin, name)
            there = (await self._created("/api/v1/namespaces", _namespace(name, vc, mark)))["metadata"]
        return there

    async def _bound(self, name: str, vc: str, there: Document, made: MadeNamespaces) -> None:
        whose = (there.get("annotations") or {}).get(names.VC, vc)
        if whose != vc:
            raise _taken(name, vc, f"it belongs to the virtual cluster {whose}")
        if not await asyncio.to_thread(made.holds, name, there):
            raise _foreign(name, vc)
        wanted = _namespace(name, vc)
        if not holds(there, wanted["metadata"]):
            await self._api.apply(f"/api/v1/namespaces/{name}", wanted)
            log.info("cluster_object_made", kind="Namespace", name=name)

    async def _created(self, path: str, document: Document, name: str | None = None) -> Document:
        try:
            made = await self._api.create(path, document)
            log.info("cluster_object_made", kind=document["kind"], name=document["metadata"]["name"])
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
            made = await self._api.get(f"{path}/{name or document['metadata']['name']}")
        return made


def closed(name: str, vc: str, message: str) -> Unplaceable:
    """Nobody but an operator can change that. `message`: what the cluster says of it."""
    said = sentence(message)
    words = (
        f"The virtual cluster {vc} has no place in this cluster: the namespace {name} is not there, or the executor "
        "may not use it. Ask an operator to add it to runs.virtualClusters of the Helm chart, or to make the "
        f"namespace. The cluster says: {said}"
    )
    details: Facts = {"namespace": name, "vc": vc, "said": said}
    return Unplaceable(Reason(code="namespace_closed", message=words, details=details))


def _taken(name: str, vc: str, why: str) -> Unplaceable:
    message = (
        f"Runs of the virtual cluster {vc} belong into the namespace {name}, but {why}. "
        "Ask an operator for another virtual cluster."
    )
    return Unplaceable(Reason(code="namespace_taken", message=message, details={"namespace": name}))


def _foreign(name: str, vc: str) -> Unplaceable:
    message = (
        f"Runs of the virtual cluster {vc} belong into the namespace {name}, which was there before "
        "and may be anybody's. Ask an operator to name it in JOBYARD_EXECUTOR_KUBERNETES_EXISTING_NAMESPACES, "
        "if it is meant for these runs, or for another virtual cluster."
    )
    return Unplaceable(Reason(code="namespace_foreign", message=message, details={"namespace": name}))


def _namespace(name: str, vc: str, mark: str | None = None) -> Document:
    """`mark`: of one that is made now."""
    labels = {names.MANAGED_BY: names.JOBYARD, f"{_LEVEL}/enforce": "restricted", f"{_LEVEL}/warn": "restricted"}
    annotations = {names.VC: vc} if mark is None else {names.VC: vc, names.MADE: mark}
    metadata = {"name": name, "labels": labels, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def _anchor(vc: str) -> Document:
    metadata = {"name": names.ANCHOR, "labels": {names.MANAGED_BY: names.JOBYARD}, "annotations": {names.VC: vc}}
    data = {"about": f"Owns all that Jobyard runs for the virtual cluster {vc}. Deleting it removes all of that."}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
