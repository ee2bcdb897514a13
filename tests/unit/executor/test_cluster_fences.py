"""What bounds a namespace is removed only where it is known that nothing should be there."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.executor.backends.kubernetes.api import Api, Document
from services.executor.backends.kubernetes.fences import Fences
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.layout import Layout
from services.executor.backends.kubernetes.manifest import tombstone
from services.executor.backends.kubernetes.namespaces import Namespaces
from services.executor.backends.kubernetes.nodes import Holders
from services.executor.backends.kubernetes.pods import Pods
from services.executor.backends.kubernetes.refusals import ApiError, ClusterAway
from services.executor.backends.kubernetes.surroundings import of_gang, path_of
from services.executor.domain.pod_names import ANCHOR
from tests.support.executor import ID
from tests.support.executor_backend import order_of

POLICIES = "/apis/networking.k8s.io/v1/networkpolicies"
LAB, VISION = "jobyard-lab", "jobyard-vision"


async def nothing_more() -> None:
    """Nobody does anything meanwhile."""


class Server(Api):
    """An API server with what was made there; `away`: whose ConfigMap it does not show."""

    def __init__(self) -> None:
        super().__init__(None)
        self.there: dict[str, Document] = {}
        self.away = ""
        self.before_a_list: Callable[[], Awaitable[Any]] = nothing_more

    async def get(self, path: str, query: Any = None, within_s: float = 1.0) -> Document:
        if self.away and f"/{self.away}/configmaps/" in path:
            raise ClusterAway("503 ServiceUnavailable")
        if path in self.there:
            return self.there[path]
        if query is None:
            raise ApiError(404, "NotFound", "not found")
        await self.before_a_list()
        return {"items": [each for place, each in self.there.items() if f"/{path.rpartition('/')[2]}/" in place]}

    async def create(self, path: str, document: Document) -> Document:
        made = {**document, "metadata": {**document["metadata"], "uid": "c-1"}}
        return self.there.setdefault(f"{path}/{document['metadata']['name']}", made)

    async def apply(self, path: str, document: Document) -> Document:
        return await self.create(path.rpartition("/")[0], document)

    async def delete(self, path: str, options: Document) -> Document:
        return self.there.pop(path)


class Cluster:
    """With what stands around the runs of the virtual cluster `lab`."""

    def __init__(self, folder: Path) -> None:
        self.server, self.kept = Server(), Kept(folder)
        self.kept.open()
        self.fences = self.made(Layout(executor="cluster"))

    def made(self, layout: Layout) -> Fences:
        """As the next executor's process makes them."""
        self.pods = Pods(self.server, layout.fence, Holders(), lambda run_id: None, self.kept.namespace)
        return Fences(self.server, layout, Namespaces(self.server, None), self.pods, self.kept)

    @property
    def closed(self) -> set[str]:
        """Namespaces that have a policy."""
        return {each["metadata"]["namespace"] for each in self.server.there.values() if each["kind"] == "NetworkPolicy"}


@pytest.fixture
async def cluster(tmp_path: Path) -> Cluster:
    cluster = Cluster(tmp_path)
    await cluster.fences.around(LAB, "lab")
    assert cluster.closed == {LAB}
    return cluster


async def test_a_namespace_stays_closed_while_the_cluster_does_not_say_how_it_is(cluster: Cluster) -> None:
    cluster.server.away = LAB
    await cluster.fences.repair()
    assert cluster.closed == {LAB}


async def test_a_namespace_whose_first_run_comes_meanwhile_stays_closed(cluster: Cluster) -> None:
    cluster.server.before_a_list = lambda: cluster.fences.around(VISION, "vision")
    await cluster.fences.repair()
    assert cluster.closed == {LAB, VISION}


async def test_what_the_settings_ask_for_no_more_goes_once_the_cluster_says_how_the_namespace_is(
    cluster: Cluster,
) -> None:
    fences = cluster.made(Layout(executor="cluster", openings=None))
    await fences.around(LAB, "lab")
    cluster.server.away = LAB
    await fences.repair()
    assert cluster.closed == {LAB}
    cluster.server.away = ""
    await fences.repair()
    assert cluster.closed == set()


async def test_a_policy_that_somebody_removed_is_made_again(cluster: Cluster) -> None:
    [policy] = [each for each in cluster.server.there.values() if each["kind"] == "NetworkPolicy"]
    await cluster.server.delete(path_of(policy), {})
    await cluster.fences.repair()
    assert cluster.closed == {LAB}
    assert f"/api/v1/namespaces/{LAB}/configmaps/{ANCHOR}" in cluster.server.there


@pytest.mark.parametrize(("namespaces", "left"), [("staging-", 2), ("jobyard-staging-", 2), ("jobyard-", 0)])
async def test_of_gangs_nobody_knows_goes_what_stands_in_this_executors_own_namespaces(
    cluster: Cluster, namespaces: str, left: int
) -> None:
    """A second release whose executor has the same name, with a prefix of its own."""
    owner: Document = {"apiVersion": "v1", "kind": "ConfigMap", "name": ANCHOR, "uid": "c-2"}
    layout = Layout(executor="cluster", namespaces=namespaces, domain="cluster.local")
    theirs = of_gang(f"{ID}.1", f"{namespaces}lab", "lab", layout, owner)
    for document in theirs:
        await cluster.server.apply(path_of(document), document)
    await cluster.fences.repair()
    assert sum(path_of(document) in cluster.server.there for document in theirs) == left


async def test_what_the_ranks_of_a_gang_share_stays_while_one_is_left_that_nobody_knows(cluster: Cluster) -> None:
    """Of an executor that has lost its disk: they may save their state together before they end."""
    owner: Document = {"apiVersion": "v1", "kind": "ConfigMap", "name": ANCHOR, "uid": "c-2"}
    shared = of_gang(f"{ID}.1", LAB, "lab", Layout(executor="cluster", domain="cluster.local"), owner)
    for document in shared:
        await cluster.server.apply(path_of(document), document)
    rank = tombstone(replace(order_of(f"{ID}.1-1", (), Path("/srv"), 10), vc="lab"), Layout(executor="cluster"))
    rank["metadata"] |= {"uid": "p-1", "resourceVersion": "7", "ownerReferences": [owner]}
    cluster.pods.take(rank)
    await cluster.fences.repair()
    assert all(path_of(document) in cluster.server.there for document in shared)
    cluster.pods.drop(rank)
    await cluster.fences.repair()
    assert not any(path_of(document) in cluster.server.there for document in shared)
