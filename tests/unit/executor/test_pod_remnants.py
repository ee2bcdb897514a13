"""Pods that an executor has left that lost its disk: each is ended by its uid, and let go once it is over."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.executor.backends.kubernetes.api import Api, Document
from services.executor.backends.kubernetes.calls import Calls
from services.executor.backends.kubernetes.clearing import Clearing
from services.executor.backends.kubernetes.concluding import Concluding
from services.executor.backends.kubernetes.ending import Ending
from services.executor.backends.kubernetes.fences import Fences
from services.executor.backends.kubernetes.forgetting import Forgetting
from services.executor.backends.kubernetes.hidden import HiddenTexts
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.layout import Layout
from services.executor.backends.kubernetes.manifest import tombstone
from services.executor.backends.kubernetes.namespaces import Namespaces
from services.executor.backends.kubernetes.nodes import Holders
from services.executor.backends.kubernetes.pods import Pods, path_of
from services.executor.backends.kubernetes.refusals import ApiError, ClusterAway
from services.executor.backends.kubernetes.tasks import Tasks
from services.executor.backends.kubernetes.turns import Turns
from services.executor.domain import pod_names as names
from tests.support.executor_backend import order_of
from tests.support.kubernetes.pod_documents import DRIVEN_OUT, LIVES, ended, pod

LAYOUT = Layout(executor="cluster")
RUN = "01ARZ3NDEKTSV4RRFFQ69G5FAV.1"
NAMESPACE = "jobyard-default"
SECRET = f"/api/v1/namespaces/{NAMESPACE}/secrets/{names.pod_name(RUN)}"


class Server(Api):
    """An API server with what was made there; whoever follows its pods is told at once."""

    def __init__(self) -> None:
        super().__init__(None)
        self.there: dict[str, Document] = {}
        self.deleted: list[tuple[str, Document]] = []
        self.away = False
        self.take: Callable[[Document], None] = lambda pod: None
        self.drop: Callable[[Document], None] = lambda pod: None

    def tell(self, pod: Document) -> None:
        self.there[path_of(pod)] = pod
        self.take(pod)

    async def get(self, path: str, query: Any = None, within_s: float = 1.0) -> Document:
        if path not in self.there:
            raise ApiError(404, "NotFound", "not found")
        return self.there[path]

    async def delete(self, path: str, options: Document) -> Document:
        if self.away:
            raise ClusterAway("503 ServiceUnavailable")
        there = self.there[path]
        assert options["preconditions"]["uid"] == there["metadata"]["uid"]
        self.deleted.append((path, options))
        if not there["metadata"].get("finalizers"):
            return self.there.pop(path)
        self.tell({**there, "metadata": there["metadata"] | {"deletionTimestamp": "2026-12-04T12:00:09Z"}})
        return there

    async def patch(self, path: str, changes: Document) -> Document:
        there, changed = self.there[path], changes["metadata"]
        if any(there["metadata"][key] != changed[key] for key in ("uid", "resourceVersion")):
            raise ApiError(409, "Conflict", "it is another one by now")
        left = {**there, "metadata": there["metadata"] | changed}
        if not changed["finalizers"] and there["metadata"].get("deletionTimestamp"):
            self.drop(self.there.pop(path))
        else:
            self.tell(left)
        return left


class Cluster:
    """As the next executor finds it, whose disk is new."""

    def __init__(self, folder: Path) -> None:
        self.server, self.kept, self.holders, self.answers = Server(), Kept(folder), Holders(), True
        self.kept.open()
        self.pods = Pods(self.server, LAYOUT.fence, self.holders, lambda run_id: None, self.kept.namespace)
        self.server.take, self.server.drop = self.pods.take, self.pods.drop
        fences = Fences(self.server, LAYOUT, Namespaces(self.server, None), self.pods, self.kept)
        calls = Calls(self.server, LAYOUT.fence, self.kept, self.pods, fences, HiddenTexts(self.server))
        concluding, turns, tasks = Concluding(self.kept, calls, lambda run_id, seen: None), Turns(), Tasks()
        ending = Ending(self.kept, self.pods, calls, concluding, turns, tasks)
        forgetting = Forgetting(self.kept, calls, tasks, lambda run_id: None)
        self.clearing = Clearing(
            LAYOUT, self.kept, self.pods, calls, ending, forgetting, turns, lambda node: self.answers
        )

    def tells(self, state: dict[str, Any] | None = None, uid: str = "p-1", **changes: Any) -> Document:
        """The run's pod, by what its node says of its container."""
        made, document = tombstone(order_of(RUN, (), Path("/srv"), 10), LAYOUT), pod(state or LIVES, **changes)
        made["metadata"]["annotations"].pop(names.TOMBSTONE)
        made["metadata"]["annotations"] |= {names.GRACE: "30", names.SECRET: "true"}
        own = {"uid": uid, "resourceVersion": "7", "ownerReferences": [_ANCHOR]}
        meta = document["metadata"] | made["metadata"] | own
        document = {**document, "metadata": meta}
        document["spec"]["containers"][0]["name"] = names.CONTAINER
        self.server.tell(document)
        return document

    async def left(self) -> list[str]:
        return await self.clearing.clear("default", [RUN])


_ANCHOR = {"apiVersion": "v1", "kind": "ConfigMap", "name": names.ANCHOR, "uid": "c-1"}


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path)


async def test_a_pod_that_lives_is_deleted_with_its_grace_period_and_kept_until_it_is_over(cluster: Cluster) -> None:
    cluster.server.there[SECRET] = {"metadata": {"name": "s", "uid": "s-1", "annotations": {names.RUN: RUN}}}
    there = cluster.tells()
    assert list(cluster.pods.remnants.ranks()) == [RUN]
    for _ in range(2):
        assert await cluster.left() == [RUN]
        assert cluster.server.deleted == [
            (path_of(there), {"gracePeriodSeconds": 30, "preconditions": {"uid": "p-1"}})
        ], "once"
        assert SECRET in cluster.server.there
    cluster.tells(ended(0), deleted=True)
    assert await cluster.left() == []
    assert cluster.server.there == {}, "its Secret goes with it"
    assert cluster.pods.remnants.ranks() == ()
    assert not cluster.holders.on("gpu-7")


async def test_a_pod_that_has_ended_is_let_go_at_once(cluster: Cluster) -> None:
    cluster.tells(ended(0), phase="Succeeded")
    assert await cluster.left() == []
    assert cluster.server.there == {}


async def test_a_pod_on_a_node_that_does_not_answer_counts_as_the_clusters_word_on_it_says(cluster: Cluster) -> None:
    cluster.answers = False
    cluster.tells()
    assert await cluster.left() == [RUN], "nobody knows whether it runs"
    cluster.tells(deleted=True, conditions=DRIVEN_OUT)
    assert await cluster.left() == [], "it was given up"
    assert cluster.server.there == {}


async def test_what_a_cluster_that_is_away_has_is_left(cluster: Cluster) -> None:
    cluster.tells()
    cluster.server.away = True
    assert await cluster.left() == [RUN]
    cluster.server.away = False
    await cluster.left()
    assert len(cluster.server.deleted) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"namespace": "jobyard-vision"},
        {"annotations": {names.RUN: RUN, names.NODE: "cluster", names.OWNER: "ada", names.VC: "vision"}},
        {"annotations": {names.RUN: RUN, names.NODE: "another", names.OWNER: "ada", names.VC: "default"}},
        {"annotations": {}},
        {"labels": {}},
        {"ownerReferences": []},
        {"name": "job-a"},
    ],
)
async def test_a_pod_that_does_not_say_in_all_words_that_it_is_the_runs_is_left_alone(
    cluster: Cluster, changes: dict[str, Any]
) -> None:
    there = cluster.tells()
    cluster.pods.drop(there)
    cluster.server.there.clear()
    cluster.server.tell({**there, "metadata": there["metadata"] | changes})
    assert await cluster.left() == []
    assert cluster.server.deleted == []


async def test_a_pod_that_says_so_in_another_virtual_clusters_namespace_delays_nothing(cluster: Cluster) -> None:
    """Whoever may make pods there can make one that agrees with itself in every word."""
    there = cluster.tells(uid="p-9")
    cluster.pods.drop(there)
    cluster.server.there.clear()
    said = there["metadata"]["annotations"] | {names.VC: "vision"}
    meta = there["metadata"] | {"annotations": said, "namespace": "jobyard-vision"}
    cluster.server.tell({**there, "metadata": meta})
    assert list(cluster.pods.remnants.ranks()) == [RUN]
    assert await cluster.left() == []
    assert cluster.server.deleted == []
    cluster.tells()
    assert await cluster.left() == [RUN]
    assert [options["preconditions"]["uid"] for _, options in cluster.server.deleted] == ["p-1"]


async def test_a_pod_whose_run_is_ordered_is_no_stranger_and_no_remnant_any_more(cluster: Cluster) -> None:
    there = cluster.tells()
    assert len(cluster.holders.on("gpu-7")) == 1
    cluster.kept.keep_order(RUN, {"namespace": NAMESPACE, "vc": "default"})
    cluster.pods.take(there)
    assert cluster.pods.get(RUN) is not None
    assert (cluster.pods.remnants.ranks(), len(cluster.holders.on("gpu-7"))) == ((), 0)


def test_what_a_new_list_does_not_have_is_gone(cluster: Cluster) -> None:
    cluster.tells()
    cluster.pods.begin()
    cluster.pods.end(set())
    assert cluster.pods.remnants.ranks() == ()
