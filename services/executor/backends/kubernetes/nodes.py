"""The cluster's nodes, and what pods that are not this executor's hold of them: watched, as capacities by node.

Kept by node, so that a report of all of them looks at each node and each pod once.
"""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import structlog

from services.executor.backends.kubernetes.api import Api, Document
from services.executor.backends.kubernetes.watching import Watch
from services.executor.domain import pod_names as names
from services.executor.domain.admission import Capacity
from services.executor.domain.closed_nodes import why_closed
from services.executor.domain.cluster_nodes import Kind, NodeFacts, capacity, node_facts, requests, whole
from services.executor.domain.pod_status import is_over
from shared.contracts.job import Reason

log = structlog.get_logger()

_LIVING = "spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed"


class Nodes:
    """By their names in the platform; one that comes back under its name is another one."""

    def __init__(self, tolerations: Sequence[Mapping[str, Any]]) -> None:
        self.known: dict[str, NodeFacts] = {}
        self._refused: set[str] = set()
        self._tolerations = tolerations

    def begin(self) -> None:
        """Nothing is forgotten while the list is read."""

    def take(self, document: Document) -> None:
        facts = node_facts(document, self._tolerations)
        try:
            self.known[names.node_token(facts.name)] = facts
        except ValueError as error:
            if facts.uid not in self._refused:
                self._refused.add(facts.uid)
                log.error("node_refused", node=facts.name, reason=str(error))

    def drop(self, document: Document) -> None:
        uid = document["metadata"]["uid"]
        self.known = {token: facts for token, facts in self.known.items() if facts.uid != uid}
        self._refused.discard(uid)

    def end(self, seen: set[str]) -> None:
        self.known = {token: facts for token, facts in self.known.items() if facts.uid in seen}
        self._refused &= seen


class Holders:
    """Pods that are somebody else's: what they hold, by node and uid."""

    def __init__(self) -> None:
        self._by_node: dict[str, dict[str, Mapping[str, float]]] = {}
        self._nodes: dict[str, str] = {}

    def on(self, node: str) -> Collection[Mapping[str, float]]:
        """What each of them holds of this node."""
        return self._by_node.get(node, {}).values()

    def begin(self) -> None:
        """Nothing is forgotten while the list is read."""

    def take(self, document: Document) -> None:
        uid, node = document["metadata"]["uid"], document["spec"].get("nodeName")
        self._forget(uid)
        if node is not None and not is_over(document):
            self._nodes[uid] = node
            self._by_node.setdefault(node, {})[uid] = requests(document)

    def drop(self, document: Document) -> None:
        self._forget(document["metadata"]["uid"])

    def end(self, seen: set[str]) -> None:
        for uid in self._nodes.keys() - seen:
            self._forget(uid)

    def _forget(self, uid: str) -> None:
        node = self._nodes.pop(uid, None)
        if node is not None:
            held = self._by_node[node]
            del held[uid]
            if not held:
                del self._by_node[node]


class ClusterNodes(Mapping[str, Capacity]):
    """What runs may use of each node with the `labels`, by its name in the platform.

    All nodes are watched: one that loses a label gets no more runs, and answers for those that it has as before. Pods
    with this executor's label are watched by `Pods`, which gives those of them that are no runs to `strangers`.
    """

    def __init__(
        self,
        api: Api,
        executor: str,
        kinds: Mapping[str, Kind],
        tolerations: Sequence[Mapping[str, Any]],
        labels: Mapping[str, str],
    ) -> None:
        self._kinds = kinds
        self._labels = labels
        self.nodes = Nodes(tolerations)
        self.holders = Holders()
        self.strangers = Holders()
        unlabelled = {"fieldSelector": _LIVING, "labelSelector": f"{names.EXECUTOR}!={names.short_hash(executor)}"}
        self._watches = (
            Watch(api, "/api/v1/nodes", {}, self.nodes),
            Watch(api, "/api/v1/pods", unlabelled, self.holders),
        )

    async def follow(self) -> None:
        """Until cancelled."""
        await asyncio.gather(*(watch.follow() for watch in self._watches))

    @property
    def listed(self) -> tuple[asyncio.Event, ...]:
        """Every node is known, and what is held there, when these are set."""
        return tuple(watch.listed for watch in self._watches)

    def now(self) -> dict[str, tuple[NodeFacts, Capacity, Capacity]]:
        """Every node that the cluster hears of, with what it has for runs, and what it would have at best."""
        return {
            token: (facts, self._capacity(facts), whole(facts, self._kinds))
            for token, facts in self._given()
            if facts.ready
        }

    def devices_only(self, facts: NodeFacts) -> bool:
        """Whether only runs with some of its devices may go there."""
        return facts.only_with(self._kinds.values())

    def why_closed(self, facts: NodeFacts) -> Reason | None:
        """None: it gets new runs."""
        return why_closed(facts, self._kinds.values())

    def answers(self, name: str) -> bool:
        """Whether the cluster has a node of this name, whatever its labels, and hears of it."""
        facts = self.nodes.known.get(names.node_token(name))
        return facts is not None and facts.ready

    def __getitem__(self, token: str) -> Capacity:
        facts = self.nodes.known[token]
        if not self._is_given(facts):
            raise KeyError(token)
        return self._capacity(facts)

    def __iter__(self) -> Iterator[str]:
        return iter([token for token, _ in self._given()])

    def __len__(self) -> int:
        return sum(1 for _ in self._given())

    def _given(self) -> Iterator[tuple[str, NodeFacts]]:
        """Those that runs come to."""
        return ((token, facts) for token, facts in self.nodes.known.items() if self._is_given(facts))

    def _is_given(self, facts: NodeFacts) -> bool:
        return self._labels.items() <= facts.labels.items()

    def _capacity(self, facts: NodeFacts) -> Capacity:
        held = (*self.holders.on(facts.name), *self.strangers.on(facts.name))
        return capacity(facts, held, self._kinds)
