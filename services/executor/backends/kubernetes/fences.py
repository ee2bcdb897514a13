"""Keeps what stands around runs' pods as it is to be: made before the first pod that needs it, and then compared.

What somebody has changed or removed is put right, what nobody needs any more goes, within `REPAIR_S` and a look.
"""

import asyncio
from collections.abc import Awaitable, Set

import structlog

from services.executor.backends.kubernetes.api import Api, Document
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.layout import Layout, Unplaceable
from services.executor.backends.kubernetes.namespaces import Namespaces
from services.executor.backends.kubernetes.pods import Pods, annotations_of
from services.executor.backends.kubernetes.refusals import ApiError
from services.executor.backends.kubernetes.surroundings import (
    KINDS,
    holds,
    is_as_wanted,
    name_in_namespace,
    of_gang,
    of_namespace,
    path_of,
)
from services.executor.domain import pod_names as names
from services.executor.domain.record import is_rank_id

log = structlog.get_logger()

REPAIR_S = 30.0


class Fences:
    """Of one executor in its cluster."""

    def __init__(self, api: Api, layout: Layout, namespaces: Namespaces, pods: Pods, kept: Kept) -> None:
        self._api = api
        self._layout = layout
        self._namespaces = namespaces
        self._pods = pods
        self._kept = kept
        self._raised: set[str] = set()

    async def around(self, namespace: str, vc: str) -> Document:
        """The owner of what is made in the namespace, which is there and bounded. Raises ApiError, ClusterAway."""
        owner = await self._namespaces.anchor(namespace, vc)
        if namespace not in self._raised:
            for document in of_namespace(namespace, vc, self._layout, owner):
                await self._apply(document)
            self._raised.add(namespace)
        return owner

    async def between(self, pod: Document, owner: Document) -> None:
        """The pod's run has several ranks: they may speak with one another. Raises ApiError, ClusterAway."""
        meta = pod["metadata"]
        if names.RANKS in meta["annotations"] and meta["labels"][names.RANK] == "0":
            for document in self._shared(pod, owner):
                await self._apply(document)

    def forget(self, namespace: str) -> None:
        """It may be gone: look again."""
        self._namespaces.forget(namespace)
        self._raised.discard(namespace)

    async def keep(self) -> None:
        """Until cancelled."""
        await self._pods.watch.listed.wait()
        while True:
            await self.repair()
            await asyncio.sleep(REPAIR_S)

    async def repair(self) -> None:
        """Once: what should be against what is. What cannot be done now is left for the next time.

        Nothing of a namespace is removed of which it is not known now what should be there.
        """
        wanted: dict[str, Document] = {}
        settled: set[str] = set()
        for namespace, vc in self._inhabited().items():
            if await _tried(self._want(namespace, vc, wanted)):
                settled.add(namespace)
        for pod in self._pods.all():
            owner = self._namespaces.known.get(pod["metadata"]["namespace"])
            several = names.RANKS in annotations_of(pod)
            if several and owner is not None and annotations_of(pod).get(names.VC) == owner.vc:
                wanted |= {path_of(each): each for each in self._shared(pod, owner.reference)}
        for kind, (group, plural) in KINDS.items():
            await _tried(self._compare(kind, f"{group}/{plural}", wanted, settled))
        for document in wanted.values():
            await _tried(self._apply(document))

    def _inhabited(self) -> dict[str, str]:
        """Namespaces where runs are, or have been since this process began; and of which virtual cluster."""
        found = {name: known.vc for name, known in self._namespaces.known.items()}
        for pod in self._pods.all():
            namespace, vc = pod["metadata"]["namespace"], annotations_of(pod).get(names.VC)
            if vc is not None and names.namespace(vc, self._layout.namespaces) == namespace:  # whoever made the pod
                found.setdefault(namespace, vc)
        return found

    async def _want(self, namespace: str, vc: str, wanted: dict[str, Document]) -> None:
        try:
            await self._namespaces.check(namespace, vc)
            if not await self._namespaces.stands(namespace):
                log.warning("namespace_anchor_replaced", namespace=namespace)
                self.forget(namespace)
        except (ApiError, Unplaceable) as error:
            if isinstance(error, Unplaceable) or error.status == 404:  # the next run makes it anew, or is refused
                self.forget(namespace)
            raise
        owner = await self._namespaces.anchor(namespace, vc)
        wanted |= {path_of(each): each for each in of_namespace(namespace, vc, self._layout, owner)}

    async def _compare(self, kind: str, path: str, wanted: dict[str, Document], settled: Set[str]) -> None:
        """What is as wanted is wanted no more; what nobody needs goes. `settled`: namespaces that `wanted` is of."""
        query = {"labelSelector": f"{names.EXECUTOR}={names.short_hash(self._layout.executor)}"}
        for there in (await self._api.get(path, query))["items"]:
            there["kind"] = kind  # a list does not repeat it
            place = path_of(there)
            if place not in wanted:
                if await self._is_left_over(there, settled):
                    await _tried(self._remove(there))
            elif is_as_wanted(there, wanted[place]) and _belongs(there, wanted[place]):
                del wanted[place]

    async def _is_left_over(self, there: Document, settled: Set[str]) -> bool:
        """Whether it is ours, and nobody needs it: its run is forgotten, or the settings ask for it no more.

        Another executor of this name in the cluster has other namespaces, and its runs are not known here.
        """
        meta = there["metadata"]
        said = meta.get("annotations") or {}
        if meta["namespace"] != names.namespace(said.get(names.VC, ""), self._layout.namespaces):
            return False
        run_id = said.get(names.RUN)
        if run_id is None:
            return meta["name"] == name_in_namespace(self._layout) and meta["namespace"] in settled
        if not is_rank_id(run_id) or meta["name"] != names.gang_name(run_id):
            return False
        if self._pods.get(run_id) is not None or self._pods.remnants.has(run_id):  # which may save what they have
            return False
        return await asyncio.to_thread(self._kept.order, run_id) is None

    def _shared(self, pod: Document, owner: Document) -> list[Document]:
        meta = pod["metadata"]
        annotations = meta["annotations"]
        return of_gang(annotations[names.RUN], meta["namespace"], annotations[names.VC], self._layout, owner)

    async def _remove(self, there: Document) -> None:
        await self._api.delete(path_of(there), {"preconditions": {"uid": there["metadata"]["uid"]}})
        log.info("cluster_object_removed", kind=there["kind"], name=there["metadata"]["name"])

    async def _apply(self, document: Document) -> None:
        await self._api.apply(path_of(document), document)
        log.info("cluster_object_made", kind=document["kind"], name=document["metadata"]["name"])


def _belongs(there: Document, wanted: Document) -> bool:
    """To those that it is to belong to: it would go with others."""
    owners = there["metadata"].get("ownerReferences") or ()
    return all(any(holds(one, owner) for one in owners) for owner in wanted["metadata"]["ownerReferences"])


async def _tried(step: Awaitable[None]) -> bool:
    """Whether it was done."""
    try:
        await step
    except (ApiError, OSError, Unplaceable) as error:  # the cluster is away, or this disk
        log.warning("fence_not_repaired", error=str(error))
        return False
    return True
