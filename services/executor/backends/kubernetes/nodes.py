"""The cluster's nodes, and what pods that are not this executor's hold of them: watched, as capacities by node."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.executor.backends.kubernetes.api import Api, Document
from services.executor.backends.kubernetes.watching import Watch
from services.executor.domain import pod_names as names
from services.executor.domain.admission import Capacity
from services.executor.domain.cluster_nodes import Kind, NodeFacts, capacity, node_facts, requests

_LIVING = "spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed"


class _Nodes:
    """By their uids, so that one which comes back under its name is another one."""

    def __init__(self, tolerations: Sequence[Mapping[str, Any]]) -> None:
        self.known: dict[str, NodeFacts] = {}
        self._tolerations = tolerations

    def begin(self) -> None:
        """Nothing is forgotten while the list is read."""

    def take(self, document: Document) -> None:
        self.known[document["metadata"]["uid"]] = node_facts(document, self._tolerations)

    def drop(self, document: Document) -> None:
        self.known.pop(document["metadata"]["uid"], None)

    def end(self, seen: set[str]) -> None:
        for uid in self.known.keys() - seen:
            del self.known[uid]


class _Holders:
    """Pods of others: where they are, and what they hold."""

    def __init__(self, executor: str) -> None:
        self.held: dict[str, tuple[str, dict[str, float]]] = {}
        self._own = names.short_hash(executor)

    def begin(self) -> None:
        """Nothing is forgotten while the list is read."""

    def take(self, document: Document) -> None:
        meta = document["metadata"]
        if (meta.get("labels") or {}).get(names.EXECUTOR) != self._own:
            self.held[meta["uid"]] = (document["spec"]["nodeName"], requests(document))

    def drop(self, document: Document) -> None:
        self.held.pop(document["metadata"]["uid"], None)

    def end(self, seen: set[str]) -> None:
        for uid in self.held.keys() - seen:
            del self.held[uid]


class ClusterNodes(Mapping[str, Capacity]):
    """What runs may use of each node, by its name in the platform."""

    def __init__(
        self, api: Api, executor: str, kinds: Mapping[str, Kind], tolerations: Sequence[Mapping[str, Any]]
    ) -> None:
        self._kinds = kinds
        self._nodes = _Nodes(tolerations)
        self._holders = _Holders(executor)
        self._watches = (
            Watch(api, "/api/v1/nodes", {}, self._nodes),
            Watch(api, "/api/v1/pods", {"fieldSelector": _LIVING}, self._holders),
        )

    async def follow(self) -> None:
        """Until cancelled."""
        await asyncio.gather(*(watch.follow() for watch in self._watches))

    async def listed(self) -> None:
        """Until every node is known, and what is held there."""
        for watch in self._watches:
            await watch.listed.wait()

    def boot_id(self, token: str) -> str:
        """Of the node as it runs now. Raises KeyError."""
        return self._facts(token).boot_id

    def answers(self, name: str) -> bool:
        """Whether the cluster has a node of this name, and hears of it."""
        return any(facts.ready for facts in self._nodes.known.values() if facts.name == name)

    def __getitem__(self, token: str) -> Capacity:
        facts = self._facts(token)
        held = [amounts for node, amounts in self._holders.held.values() if node == facts.name]
        return capacity(facts, held, self._kinds)

    def __iter__(self) -> Iterator[str]:
        return (names.node_token(facts.name) for facts in self._nodes.known.values())

    def __len__(self) -> int:
        return len(self._nodes.known)

    def _facts(self, token: str) -> NodeFacts:
        name = names.node_name(token)
        found = next((facts for facts in self._nodes.known.values() if facts.name == name), None)
        if found is None:
            raise KeyError(token)
        return found
