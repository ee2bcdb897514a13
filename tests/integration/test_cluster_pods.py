"""A run's pod as the API server is asked for it: what is lost and what comes late says nothing of it that is not so."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from services.executor.backends.kubernetes import manifest
from services.executor.backends.kubernetes.api import Api, Document
from services.executor.backends.kubernetes.calls import Calls
from services.executor.backends.kubernetes.fences import Fences
from services.executor.backends.kubernetes.hidden import HiddenTexts
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.layout import Layout
from services.executor.backends.kubernetes.namespaces import Namespaces
from services.executor.backends.kubernetes.nodes import Holders
from services.executor.backends.kubernetes.pods import Pods
from services.executor.domain import pod_names as names
from services.executor.domain.observation import Refused
from tests.support.executor_backend import order_of
from tests.support.kubernetes.proxy import Proxy, asks, proxy

RUN = "01ARZ3NDEKTSV4RRFFQ69G5FAV.1"
LAYOUT = Layout(executor="cluster", openings=None)
NAMESPACE = "/api/v1/namespaces/jobyard-default"
CREATES, READS = asks("POST", f"{NAMESPACE}/pods"), asks("GET", f"{NAMESPACE}/pods/.*")
PATCHES = asks("PATCH", f"{NAMESPACE}/pods/.*")
ANCHOR = {"metadata": {"name": names.ANCHOR, "uid": "c-1"}}
CLOSED = {
    "reason": "Forbidden",
    "message": 'pods is forbidden: User "a:b" cannot create resource "pods" in API group ""',
}
THEIRS = "example.org/theirs"
FULL = {"reason": "Forbidden", "message": "it is forbidden: exceeded quota: small, requested: pods=1, used: pods=1"}


@dataclass
class Yard:
    """Calls about runs to a server that says what a test has told it to, with trouble `between`."""

    server: Proxy
    between: Proxy
    calls: Calls
    pods: Pods
    document: Document

    def made(self, **meta: Any) -> Document:
        """The run's pod as the API server has it."""
        changed = {"uid": "p-1", "resourceVersion": "7", "ownerReferences": [_owner()], **meta}
        return {**self.document, "metadata": self.document["metadata"] | changed}

    async def create(self) -> Refused | None:
        return await self.calls.create(RUN, "default", self.document)


@pytest.fixture
async def yard(tmp_path: Path) -> AsyncIterator[Yard]:
    (tmp_path / "server").mkdir()
    async with proxy(tmp_path / "server") as server, proxy(tmp_path, server.kubeconfig) as between:
        api, kept = Api(between.kubeconfig), Kept(tmp_path / "kept")
        await api.open()
        kept.open()
        pods = Pods(api, LAYOUT.fence, Holders(), lambda run_id: None, kept.namespace)
        fences = Fences(api, LAYOUT, Namespaces(api, made=None), pods, kept)
        document = manifest.tombstone(order_of(RUN, (), tmp_path, 10), LAYOUT)
        kept.keep_order(RUN, {"namespace": document["metadata"]["namespace"], "vc": "default"})
        server.say(asks("POST", f"{NAMESPACE}/configmaps"), ANCHOR)
        yield Yard(server, between, Calls(api, LAYOUT.fence, kept, pods, fences, HiddenTexts(api)), pods, document)
        await api.close()


async def test_a_create_whose_answer_is_lost_is_not_refused_when_its_own_pod_has_filled_the_quota(yard: Yard) -> None:
    yard.between.lose(CREATES)
    yard.server.say(CREATES, yard.made())
    yard.server.say(CREATES, FULL, 403)
    yard.server.say(READS, yard.made())
    assert await yard.create() is None
    assert yard.pods.get(RUN) is not None


async def test_a_create_that_a_full_quota_refuses_is_refused_where_there_is_no_pod(yard: Yard) -> None:
    yard.server.say(CREATES, FULL, 403)
    refused = await yard.create()
    assert refused is not None and refused.busy
    assert "exceeded quota" in refused.reason.message


async def test_no_refusal_is_believed_while_nobody_says_whether_the_pod_is_there(yard: Yard) -> None:
    yard.server.say(CREATES, FULL, 403)
    yard.between.refuse(READS, 503, times=100)
    assert await yard.create() is None


async def test_who_may_do_nothing_in_the_namespace_is_refused_in_the_clusters_words(yard: Yard) -> None:
    yard.server.refuse(CREATES, 403)
    yard.server.refuse(READS, 403)
    refused = await yard.create()
    assert refused is not None and not refused.busy
    assert "A test says so" in refused.reason.message


async def test_an_api_server_that_does_not_know_its_rules_yet_ends_no_run(yard: Yard) -> None:
    yard.server.say(CREATES, CLOSED, 403)
    yard.server.say(READS, yard.made())
    assert await yard.create() is None, "its pod is there"
    yard.server.say(CREATES, CLOSED, 403)
    yard.server.say(READS, CLOSED, 403)
    refused = await yard.create()
    assert refused is not None and refused.reason.code == "namespace_closed"


async def test_a_pod_of_somebody_else_is_no_reason_to_doubt_a_refusal(yard: Yard) -> None:
    yard.server.say(CREATES, FULL, 403)
    yard.server.say(READS, yard.made(annotations={}))
    assert await yard.create() is not None


async def test_a_pod_that_goes_with_its_finalizer_does_not_come_back_with_the_answer(yard: Yard) -> None:
    leaving = {"deletionTimestamp": "2026-12-04T12:00:09Z"}
    yard.pods.take(yard.made(**leaving))
    left = yard.made(**leaving, finalizers=[], resourceVersion="8")
    answer = yard.between.hold(PATCHES, done=True)
    yard.server.say(PATCHES, left)
    release = asyncio.create_task(yard.calls.release(RUN))
    await answer.here.wait()
    yard.pods.drop(left)  # as the watch says
    answer.go.set()
    await release
    assert yard.pods.get(RUN) is None


async def test_what_others_have_written_into_a_pod_meanwhile_stays_when_it_is_let_go(yard: Yard) -> None:
    yard.pods.take(yard.made())
    yard.server.say(PATCHES, {"reason": "Conflict", "message": "the object has been modified"}, 409)
    yard.server.say(READS, yard.made(finalizers=[names.FINALIZER, THEIRS], resourceVersion="8"))
    yard.server.say(PATCHES, yard.made(finalizers=[THEIRS], resourceVersion="9"))
    await yard.calls.release(RUN)
    first, second = [change["metadata"] for change in yard.server.bodies(PATCHES)]
    assert (first["resourceVersion"], first["finalizers"]) == ("7", [])
    assert (second["resourceVersion"], second["finalizers"]) == ("8", [THEIRS])
    assert RUN not in yard.calls.unreleased


@pytest.mark.parametrize("found", [None, "p-2"])
async def test_a_pod_that_is_gone_or_another_one_needs_no_letting_go(yard: Yard, found: str | None) -> None:
    yard.pods.take(yard.made())
    yard.server.say(PATCHES, {"reason": "Conflict", "message": "the UID in the precondition does not match"}, 409)
    if found is not None:
        yard.server.say(READS, yard.made(uid=found, resourceVersion="9"))
    await yard.calls.release(RUN)
    assert len(yard.server.bodies(PATCHES)) == 1
    assert RUN not in yard.calls.unreleased


async def test_a_pod_that_is_not_let_go_is_not_asked_for_again_and_again(yard: Yard) -> None:
    yard.pods.take(yard.made())
    yard.server.say(PATCHES, {"reason": "Conflict", "message": "it is not to be"}, 409, times=9)
    yard.server.say(READS, yard.made())
    await yard.calls.release(RUN)
    assert len(yard.server.bodies(PATCHES)) == 1
    assert RUN in yard.calls.unreleased


async def test_a_pod_that_stays_without_its_finalizer_is_known_as_it_is(yard: Yard) -> None:
    yard.pods.take(yard.made())
    yard.server.say(PATCHES, yard.made(finalizers=[], resourceVersion="8"))
    await yard.calls.release(RUN)
    known = yard.pods.get(RUN)
    assert known is not None and known["metadata"]["finalizers"] == []


def _owner() -> Document:
    return {"apiVersion": "v1", "kind": "ConfigMap", "name": names.ANCHOR, "uid": "c-1"}
