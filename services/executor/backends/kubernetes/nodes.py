"""The cluster's nodes, and what pods that are not this executor's hold of them: watched, as capacities by node."""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from services.executor.backends.kubernetes.api import Api, Document
from services.executor.backends.kubernetes.watching import Watch
from services.executor.domain import pod_names as names
from services.executor.domain.admission import Capacity
from services.executor.domain.cluster_nodes import Kind, NodeFacts, capacity, node_facts, requests, whole

_LIVING = "spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed"


class Nodes:
    """By their uids, so that one which comes back under its name is another one."""

    def __init__(self, tolerations: Sequence[Mapping[str, Any]]) -> None:
        self.known: dict[str, NodeFacts] = {}
        self.named: dict[str, NodeFacts] = {}
        self._tolerations = tolerations

    def begin(self) -> None:
        """Nothing is forgotten while the list is read."""

    def take(self, document: Document) -> None:
        facts = node_facts(document, self._tolerations)
        self.known[document["metadata"]["uid"]] = self.named[facts.name] = facts

    def drop(self, document: Document) -> None:
        self._forget(document["metadata"]["uid"])

    def end(self, seen: set[str]) -> None:
        for uid in self.known.keys() - seen:
            self._forget(uid)

    def _forget(self, uid: str) -> None:
        facts = self.known.pop(uid, None)
        if facts is not None and self.named.get(facts.name) is facts:
            del self.named[facts.name]


class Holders:
    """Pods of others: where they are, and what they hold."""

    def __init__(self, executor: str) -> None:
        self._nodes: dict[str, str] = {}
        self._on: dict[str, dict[str, dict[str, float]]] = {}
        self._own = names.short_hash(executor)

    def on(self, node: str) -> Collection[Mapping[str, float]]:
        """What each of them holds of this node."""
        return self._on.get(node, {}).values()

    def begin(self) -> None:
        """Nothing is forgotten while the list is read."""

    def take(self, document: Document) -> None:
        meta = document["metadata"]
        if (meta.get("labels") or {}).get(names.EXECUTOR) != self._own:
            self._forget(meta["uid"])
            node, held = document["spec"]["nodeName"], requests(document)
            self._nodes[meta["uid"]] = node
            self._on.setdefault(node, {})[meta["uid"]] = held

    def drop(self, document: Document) -> None:
        self._forget(document["metadata"]["uid"])

    def end(self, seen: set[str]) -> None:
        for uid in self._nodes.keys() - seen:
            self._forget(uid)

    def _forget(self, uid: str) -> None:
        node = self._nodes.pop(uid, None)
        if node is not None:
            del self._on[node][uid]
            if not self._on[node]:
                del self._on[node]


class ClusterNodes(Mapping[str, Capacity]):
    """What runs may use of each node, by its name in the platform."""

    def __init__(
        self, api: Api, executor: str, kinds: Mapping[str, Kind], tolerations: Sequence[Mapping[str, Any]]
    ) -> None:
        self._kinds = kinds
        self._nodes = Nodes(tolerations)
        self._holders = Holders(executor)
        others = {"fieldSelector": _LIVING, "labelSelector": f"{names.EXECUTOR}!={names.short_hash(executor)}"}
        self._watches = (
            Watch(api, "/api/v1/nodes", {}, self._nodes),
            Watch(api, "/api/v1/pods", others, self._holders),
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

    def whole(self, token: str) -> Capacity:
        """What the node has, whoever uses it now. Raises KeyError."""
        return whole(self._facts(token), self._kinds)

    def __getitem__(self, token: str) -> Capacity:
        facts = self._facts(token)
        return capacity(facts, self._holders.on(facts.name), self._kinds)

    def __iter__(self) -> Iterator[str]:
        return (names.node_token(name) for name in self._nodes.named)

    def __len__(self) -> int:
        return len(self._nodes.named)

    def _facts(self, token: str) -> NodeFacts:
        return self._nodes.named[names.node_name(token)]
