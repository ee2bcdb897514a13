"""Namespaces of virtual clusters as an API server has them: not there, closed to the executor, emptied under it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from services.executor.backends.kubernetes import manifest
from services.executor.backends.kubernetes.api import Api
from services.executor.backends.kubernetes.calls import Calls
from services.executor.backends.kubernetes.fences import Fences
from services.executor.backends.kubernetes.hidden import HiddenTexts
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.layout import Layout, Unplaceable
from services.executor.backends.kubernetes.made_namespaces import MadeNamespaces
from services.executor.backends.kubernetes.namespaces import Namespaces
from services.executor.backends.kubernetes.nodes import Holders
from services.executor.backends.kubernetes.pods import Pods
from services.executor.backends.kubernetes.refusals import ApiError
from services.executor.domain.cluster_refusals import passes
from services.executor.domain.observation import Refused
from shared.ids import new_id
from tests.support.executor_backend import order_of
from tests.support.kubernetes.proxy import Proxy, asks
from tests.support.waiting import LONG_S

LAB = "/api/v1/namespaces/jobyard-lab"
ANCHOR = f"{LAB}/configmaps/jobyard"
LAYOUT = Layout(executor="cluster", image="a")


def said(message: str, reason: str = "NotFound") -> dict[str, Any]:
    return {"kind": "Status", "reason": reason, "message": message}


def anchor(uid: str, **more: str) -> dict[str, Any]:
    return {"metadata": {"name": "jobyard", "uid": uid, **more}}


def fences(api: Api, namespaces: Namespaces, folder: Path, pods: Pods) -> Fences:
    return Fences(api, LAYOUT, namespaces, pods, Kept(folder))


async def test_a_namespace_that_operators_have_not_made_refuses_the_run_in_words(between: Proxy, api: Api) -> None:
    between.say(asks("POST", f"{LAB}/configmaps"), said('namespaces "jobyard-lab" not found'), 404)
    with pytest.raises(Unplaceable, match="has no place in this cluster") as refused:
        await Namespaces(api, made=None).anchor("jobyard-lab", "lab")
    assert refused.value.reason.code == "namespace_closed"


class Marks(MadeNamespaces):
    """Whose marks are known before: the namespaces that are made with them are played."""

    def made(self, uid: str) -> dict[str, Any]:
        return {"metadata": {"uid": uid, "annotations": {"jobyard.io/made": "a-mark"}}}

    def begin(self, name: str) -> str:
        super().begin(name)
        self._keep(name, {"mark": "a-mark"})
        return "a-mark"


async def test_a_namespace_of_jobyards_own_that_went_meanwhile_is_made_again(
    between: Proxy, api: Api, tmp_path: Path
) -> None:
    marks = Marks(tmp_path)
    for uid in ("first", "second"):
        between.say(asks("GET", LAB), said("not found"), 404)
        between.say(asks("POST", "/api/v1/namespaces"), marks.made(uid))
        between.say(asks("PATCH", LAB), {"metadata": {}})
    namespaces = Namespaces(api, marks)
    between.say(asks("POST", f"{LAB}/configmaps"), said('namespaces "jobyard-lab" not found'), 404)
    between.say(asks("POST", f"{LAB}/configmaps"), anchor("second"))
    with pytest.raises(ApiError) as refused:
        await namespaces.anchor("jobyard-lab", "lab")
    assert passes(refused.value.status, refused.value.message, refused.value.causes)
    assert (await namespaces.anchor("jobyard-lab", "lab"))["uid"] == "second"


async def test_a_namespace_that_somebody_else_has_made_is_left_alone_until_an_operator_names_it(
    between: Proxy, api: Api, tmp_path: Path
) -> None:
    """Whatever it says of itself."""
    for annotations in ({}, {"jobyard.io/vc": "lab"}, {"jobyard.io/vc": "lab", "jobyard.io/made": "00ff"}):
        between.say(asks("GET", LAB), {"metadata": {"uid": "theirs", "annotations": annotations}})
        with pytest.raises(Unplaceable, match="EXISTING_NAMESPACES") as refused:
            await Namespaces(api, MadeNamespaces(tmp_path)).anchor("jobyard-lab", "lab")
        assert refused.value.reason.code == "namespace_foreign"
    assert {asked.method for asked in between.asked} == {"GET"}, "nothing of it was changed"
    between.say(asks("GET", LAB), {"metadata": {"uid": "theirs"}})
    between.say(asks("PATCH", LAB), {"metadata": {}})
    between.say(asks("POST", f"{LAB}/configmaps"), anchor("first"))
    named = Namespaces(api, MadeNamespaces(tmp_path, ["jobyard-lab"]))
    assert (await named.anchor("jobyard-lab", "lab"))["uid"] == "first"


async def test_a_namespace_is_known_by_the_next_executor_although_nobody_heard_that_it_was_made(
    between: Proxy, api: Api, tmp_path: Path
) -> None:
    """And one of somebody else's that says the same, once it is gone, is not."""
    mark = MadeNamespaces(tmp_path).begin("jobyard-lab")
    for uid in ("ours", "ours", "theirs"):
        said_of_itself = {"jobyard.io/vc": "lab", "jobyard.io/made": mark}
        between.say(asks("GET", LAB), {"metadata": {"uid": uid, "annotations": said_of_itself}})
        between.say(asks("PATCH", LAB), {"metadata": {}})
        between.say(asks("POST", f"{LAB}/configmaps"), anchor("first"))
    for _ in range(2):
        assert (await Namespaces(api, MadeNamespaces(tmp_path)).anchor("jobyard-lab", "lab"))["uid"] == "first"
    with pytest.raises(Unplaceable, match="was there before"):
        await Namespaces(api, MadeNamespaces(tmp_path)).anchor("jobyard-lab", "lab")


async def test_somebody_who_is_a_moment_earlier_gets_no_runs_into_a_namespace_of_theirs(
    between: Proxy, api: Api, tmp_path: Path
) -> None:
    between.say(asks("GET", LAB), said("not found"), 404)
    between.say(asks("POST", "/api/v1/namespaces"), said("it is there", "AlreadyExists"), 409)
    between.say(asks("GET", LAB), {"metadata": {"uid": "theirs", "annotations": {"jobyard.io/vc": "lab"}}})
    with pytest.raises(Unplaceable, match="was there before"):
        await Namespaces(api, MadeNamespaces(tmp_path)).anchor("jobyard-lab", "lab")


async def test_a_namespace_that_is_closed_to_the_executor_refuses_the_run_in_its_words_without_the_account(
    between: Proxy, api: Api, tmp_path: Path
) -> None:
    user = 'configmaps is forbidden: User "system:serviceaccount:a:b" cannot create resource "configmaps" in API group'
    between.say(asks("POST", f"{LAB}/configmaps"), said(user, "Forbidden"), 403)
    kept, hidden = Kept(tmp_path), HiddenTexts(api)
    pods = Pods(api, LAYOUT.fence, Holders(), lambda run_id: None, kept.namespace)
    around = fences(api, Namespaces(api, made=None), tmp_path, pods)
    order = order_of(f"{new_id()}.1", (), tmp_path, 1)
    calls = Calls(api, LAYOUT.fence, kept, pods, around, hidden)
    refused = await calls.create(
        order.run_id, "lab", manifest.tombstone(order, LAYOUT) | {"metadata": {"namespace": "jobyard-lab"}}
    )
    assert isinstance(refused, Refused)
    assert (refused.reason.code, refused.busy) == ("namespace_closed", False)
    assert "The cluster says: configmaps is forbidden: the executor cannot create" in refused.reason.message
    assert "serviceaccount" not in refused.reason.model_dump_json()


async def test_a_namespace_that_does_not_answer_keeps_no_other_one_back(between: Proxy, api: Api) -> None:
    held = between.hold(asks("POST", f"{LAB}/configmaps"))
    between.say(asks("POST", "/api/v1/namespaces/jobyard-other/configmaps"), anchor("other"))
    namespaces = Namespaces(api, made=None)
    slow = asyncio.create_task(namespaces.anchor("jobyard-lab", "lab"))
    async with asyncio.timeout(LONG_S):
        await held.here.wait()
        assert (await namespaces.anchor("jobyard-other", "other"))["uid"] == "other"
    slow.cancel()
    await asyncio.gather(slow, return_exceptions=True)


@pytest.mark.parametrize("there", [None, anchor("second"), anchor("first", deletionTimestamp="2026-11-28T20:00:00Z")])
async def test_what_belongs_to_a_configmap_that_somebody_deleted_is_made_anew_for_the_next_one(
    between: Proxy, api: Api, tmp_path: Path, there: dict[str, Any] | None
) -> None:
    between.say(asks("POST", f"{LAB}/configmaps"), anchor("first"))
    between.say(asks("GET", ANCHOR), there or said("not found"), 200 if there else 404)
    between.say(asks("POST", f"{LAB}/configmaps"), anchor("second"))
    between.say(asks("PATCH", ".*/networkpolicies/.*"), {}, times=9)
    between.say(asks("GET", "/apis/.*|/api/v1/[a-z]+"), {"items": []}, times=9)
    pods = Pods(api, LAYOUT.fence, Holders(), lambda run_id: None, lambda run_id: None)
    around = fences(api, Namespaces(api, made=None), tmp_path, pods)
    assert (await around.around("jobyard-lab", "lab"))["uid"] == "first"
    await around.repair()
    repaired = sum(asked.method == "PATCH" for asked in between.asked)
    assert (await around.around("jobyard-lab", "lab"))["uid"] == "second"
    assert sum(asked.method == "PATCH" for asked in between.asked) == repaired + 1, "it is closed before the next pod"


async def test_a_configmap_that_is_being_deleted_owns_nothing_new(between: Proxy, api: Api) -> None:
    between.say(asks("POST", f"{LAB}/configmaps"), said("it is there", "AlreadyExists"), 409)
    between.say(asks("GET", ANCHOR), anchor("first", deletionTimestamp="2026-11-28T20:00:00Z"))
    with pytest.raises(ApiError) as refused:
        await Namespaces(api, made=None).anchor("jobyard-lab", "lab")
    assert passes(refused.value.status, refused.value.message, refused.value.causes)
