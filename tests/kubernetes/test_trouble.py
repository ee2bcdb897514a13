"""A real cluster whose API server has trouble: what passes by itself ends no run, and nothing stays behind."""

import contextlib
import os
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from services.executor.backends.frames import STDOUT
from services.executor.backends.kubernetes.api import Api
from services.executor.backends.kubernetes.refusals import ApiError
from services.executor.backends.kubernetes.rights import CLUSTER, FIGURES, NAMESPACED, NAMESPACES, Right, rules
from services.executor.domain import pod_names as names
from services.executor.domain.observation import Cancelled, Ended, Refused, Started, Waiting
from shared.contracts.streams import Child
from shared.ids import new_id
from tests.support.benches import opened_in_cluster
from tests.support.kubernetes.bench import KubernetesBench
from tests.support.kubernetes.cluster import own, shared
from tests.support.kubernetes.proxy import Proxy, asks
from tests.support.kubernetes.rights import Use, used
from tests.support.streams import Held
from tests.support.waiting import until

CREATES = asks("POST", r".*/pods")
WATCHES = asks("WATCH", r".*/pods")
FINALIZER = "jobyard.io/test"


@pytest.fixture
async def bench(tmp_path: Path, between: Proxy) -> AsyncIterator[KubernetesBench]:
    """Its backend reaches the cluster through the proxy."""
    async with opened_in_cluster(tmp_path, through=between.kubeconfig) as bench:
        yield bench


async def found(bench: KubernetesBench, kind: str) -> Sequence[str]:
    """The names of what the namespace has of this kind, but for what the cluster puts there."""
    items = (await bench.api.get(f"/api/v1/namespaces/{bench.namespace}/{kind}"))["items"]
    return [item["metadata"]["name"] for item in items]


async def nothing(bench: KubernetesBench, kind: str) -> None:
    async def gone() -> bool:
        return not await found(bench, kind)

    await until(gone, f"no {kind} are left")


async def test_a_create_whose_answer_is_lost_makes_one_pod_and_starts_the_run_once(
    bench: KubernetesBench, between: Proxy
) -> None:
    between.lose(CREATES)
    id = await bench.launch("echo start >> ledger")
    assert (await bench.ended(id)).exit_code == 0
    assert bench.lines("ledger") == ["start"]
    assert await found(bench, "pods") == [names.pod_name(id)]
    assert len([asked for asked in between.asked if CREATES(asked)]) == 2


async def test_a_create_whose_answer_is_lost_is_not_refused_by_the_quota_that_its_pod_has_filled(
    bench: KubernetesBench, between: Proxy
) -> None:
    quotas = f"/api/v1/namespaces/{bench.namespace}/resourcequotas"
    await bench.api.create(quotas, {"metadata": {"name": "one"}, "spec": {"hard": {"pods": "1"}}})

    async def counted() -> bool:
        return "hard" in (await bench.api.get(f"{quotas}/one")).get("status", {})

    await until(counted, "the cluster has counted what the quota bounds")
    between.lose(CREATES)
    id = await bench.launch(f"echo start >> ledger; {bench.WAIT_FOR_GO}")
    await bench.reaches(id, Started)
    other = bench.order("true")
    await bench.backend.launch([other])
    refused = await bench.reaches(other.run_id, Refused)
    assert refused.busy and "exceeded quota: one" in refused.reason.message
    bench.go()
    assert (await bench.ended(id)).exit_code == 0
    assert bench.lines("ledger") == ["start"]


async def test_an_answer_that_comes_when_the_run_is_long_over_changes_nothing(
    bench: KubernetesBench, between: Proxy
) -> None:
    created = between.hold(CREATES, done=True)
    id = await bench.launch("echo start >> ledger; exit 3")
    assert (await bench.ended(id)).exit_code == 3
    created.go.set()
    await bench.backend.stop(id)
    assert (await bench.ended(id)).exit_code == 3
    assert bench.lines("ledger") == ["start"]


async def test_a_create_that_is_done_when_the_run_was_given_up_leaves_nothing_behind_that_runs(
    bench: KubernetesBench, between: Proxy
) -> None:
    late = between.delay(CREATES)
    between.refuse(CREATES, 422)
    order = bench.order(f"echo start >> ledger; {bench.WAIT_FOR_GO}")
    await bench.backend.launch([order])
    refused = await bench.reaches(order.run_id, Refused)
    await bench.close()
    late.go.set()
    await until(lambda: bench.lines("ledger"), "its pod runs, and nobody is there to see it", within=bench.within_s)
    await bench.open()
    await nothing(bench, "pods")
    assert await bench.seen(order.run_id) == refused


async def test_answers_that_say_to_come_again_and_refusals_that_pass_end_no_run(
    bench: KubernetesBench, between: Proxy
) -> None:
    between.refuse(CREATES, 429, Retry_After="1")
    between.refuse(CREATES, 500)
    between.refuse(CREATES, 401)
    between.refuse(CREATES, 409)
    between.refuse(CREATES, 503, times=4)
    order = bench.order("echo start >> ledger")
    await bench.backend.launch([order])
    assert (await bench.launched_until(order, Ended)).exit_code == 0
    assert bench.lines("ledger") == ["start"]
    assert len([asked for asked in between.asked if CREATES(asked)]) == 9


async def test_a_namespace_that_is_being_removed_is_waited_for_and_made_again(bench: KubernetesBench) -> None:
    kept = {"metadata": {"name": "kept", "finalizers": [FINALIZER]}}
    path = f"/api/v1/namespaces/{bench.namespace}"
    await bench.api.create(f"{path}/configmaps", kept)
    await bench.api.delete(path, {})
    order = bench.order("true")
    await bench.backend.launch([order])
    with pytest.raises(ApiError) as refused:
        await bench.api.create(f"{path}/configmaps", {"metadata": {"name": "another"}})
    assert refused.value.causes == ("NamespaceTerminating",)
    await bench.backend.launch([order])
    assert isinstance(await bench.seen(order.run_id), Waiting)
    await bench.api.patch(f"{path}/configmaps/kept", {"metadata": {"finalizers": None}})

    async def there() -> bool:
        await bench.backend.launch([order])
        return await found(bench, "pods") == [names.pod_name(order.run_id)]

    await until(there, "the pod is made", within=bench.within_s)
    await bench.backend.stop(order.run_id)
    await bench.reaches(order.run_id, Cancelled)


async def test_watches_that_are_cut_refused_or_too_old_hide_no_end(bench: KubernetesBench, between: Proxy) -> None:
    id = await bench.runs("echo before")
    gone = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}}
    between.tell(WATCHES, gone)
    between.refuse(WATCHES, 500, times=3)
    assert between.cut(WATCHES)
    bench.go()
    assert (await bench.ended(id)).exit_code == 0
    assert bench.output(id)[STDOUT] == b"before\n"


@pytest.mark.skipif("KUBECONFIG" in os.environ, reason="the cluster is somebody else's")
async def test_a_run_outlives_a_restart_of_the_api_server_and_every_line_of_it_arrives(
    bench: KubernetesBench,
) -> None:
    id = await bench.launch(f"seq 1000; touch begun; {bench.WAIT_FOR_GO}; seq 1001 2000; touch done; exit 3")
    await until((bench.folder / "begun").exists, "it has begun")
    server = own().plane.api_server
    server.kill()
    bench.go()
    await until((bench.folder / "done").exists, "it goes on without anybody's asking")
    server.start()
    assert (await bench.ended(id)).exit_code == 3
    assert bench.output(id)[STDOUT].split() == [b"%d" % number for number in range(1, 2001)]


async def test_what_a_secret_was_before_it_was_rotated_is_masked_too(bench: KubernetesBench, between: Proxy) -> None:
    script = 'test "$TOKEN" = n3w-secret && echo new; echo "$TOKEN" old-s3cret'
    order = bench.order(script, hidden=("old-s3cret",))
    order = replace(order, env=order.env | {"TOKEN": "old-s3cret"})
    between.refuse(CREATES, 503, times=4)
    await bench.backend.launch([order])
    await until(lambda: len([asked for asked in between.asked if CREATES(asked)]) == 4, "no pod is made")
    assert await found(bench, "secrets") == [names.pod_name(order.run_id)]
    rotated = replace(order, hidden=("n3w-secret",), env=order.env | {"TOKEN": "n3w-secret"})
    assert (await bench.launched_until(rotated, Ended)).exit_code == 0
    assert bench.output(order.run_id)[STDOUT] == b"new\n*** ***\n"
    assert Use(True, "", "secrets", "patch") in used(between.asked)
    await nothing(bench, "secrets")


async def test_a_create_that_half_failed_leaves_no_secret_behind(bench: KubernetesBench, between: Proxy) -> None:
    order = bench.order("true", hidden=("s3cret",))
    between.refuse(CREATES, 503, times=4)
    await bench.backend.launch([order])
    await until(lambda: len([asked for asked in between.asked if CREATES(asked)]) == 4, "no pod is made")
    between.refuse(asks("DELETE", r".*/secrets/.*"), 503, times=4)
    await bench.reopen()
    await bench.backend.stop(order.run_id)
    await bench.reaches(order.run_id, Cancelled)
    await nothing(bench, "secrets")


async def test_a_run_that_is_forgotten_while_the_cluster_is_away_is_removed_when_it_answers_again(
    bench: KubernetesBench, between: Proxy
) -> None:
    id = await bench.launch("echo hello")
    await bench.ended(id)
    between.refuse(asks("DELETE", ".*"), 503, times=1000)
    await bench.backend.forget([id])
    await bench.close()
    assert await found(bench, "pods") == [names.pod_name(id)]
    assert bench.backend.output(id).exists()
    between.heal()
    await bench.open()
    await nothing(bench, "pods")
    await until(lambda: not list(bench.home.iterdir()), "nothing is kept of it")


async def test_a_pod_of_somebody_else_is_no_run_and_its_name_is_not_taken_for_one(bench: KubernetesBench) -> None:
    order = bench.order("echo start >> ledger")
    labels = bench.layout.fence.labels(order.run_id)
    said = {names.RUN: "nonsense.x-y", names.GRACE: "for ever"}
    container = {"name": "job", "image": "none"}
    document = {
        "metadata": {"name": names.pod_name(order.run_id), "labels": labels, "annotations": said},
        "spec": {"containers": [container], "schedulingGates": [{"name": FINALIZER}]},
    }
    for namespace in ("default", bench.namespace):
        await bench.api.create(f"/api/v1/namespaces/{namespace}/pods", _restricted(document))
    try:
        await bench.backend.launch([order])
        refused = await bench.reaches(order.run_id, Refused)
        assert refused.busy and "was not made for the run" in refused.reason.message
        other = await bench.launch("true")
        assert (await bench.ended(other)).exit_code == 0
        await bench.backend.forget([order.run_id, other])
        assert names.pod_name(order.run_id) in await found(bench, "pods")
    finally:
        await bench.api.delete(f"/api/v1/namespaces/default/pods/{names.pod_name(order.run_id)}", {})


@pytest.mark.skipif("KUBECONFIG" in os.environ, reason="the cluster is somebody else's")
async def test_a_run_needs_no_more_rights_than_are_listed(tmp_path: Path) -> None:
    plane = own().plane
    certificate, key = plane.certificate("limited")
    kubeconfig = plane.write_kubeconfig("limited", {"client-certificate": str(certificate), "client-key": str(key)})
    granted = (*CLUSTER, *FIGURES["summary"]["direct"], *NAMESPACES, *NAMESPACED)
    async with only(granted), opened_in_cluster(tmp_path, through=kubeconfig) as bench:
        order = bench.order(f"echo $TOKEN; {bench.WAIT_FOR_GO}", hidden=("s3cret",))
        await bench.backend.launch([replace(order, env=order.env | {"TOKEN": "s3cret"})])
        stopped = await bench.runs()
        async with Held(await bench.backend.exec(stopped, Child(argv=("true",)))) as child:
            assert (await child.exit())["exit"] == 0
        await bench.backend.stop(stopped)
        assert (await bench.ended(stopped)).stopped
        bench.go()
        assert (await bench.ended(order.run_id)).exit_code == 0
        assert bench.output(order.run_id)[STDOUT] == b"***\n"
        await bench.backend.forget([order.run_id, stopped])
        await nothing(bench, "pods")


@contextlib.asynccontextmanager
async def only(granted: Iterable[Right]) -> AsyncIterator[None]:
    """The rights of the user `limited`, who needs them to see what there is when a backend is opened."""
    rbac, name = "/apis/rbac.authorization.k8s.io/v1", f"limited-{new_id()[-10:].lower()}"
    role = {"metadata": {"name": name}, "rules": rules(granted)}
    binding = {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "limited"}],
    }
    documents = {"clusterroles": role, "clusterrolebindings": binding}
    admin = Api(shared())
    await admin.open()
    try:
        for kind, document in documents.items():
            await admin.create(f"{rbac}/{kind}", document)
        yield
    finally:
        for kind in documents:
            await admin.delete(f"{rbac}/{kind}/{name}", {})
        await admin.close()


def _restricted(document: dict[str, object]) -> dict[str, object]:
    """As the namespace demands it of every pod."""
    spec = dict(document["spec"])  # type: ignore[call-overload]
    spec["securityContext"] = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    safe = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    spec["containers"] = [container | {"securityContext": safe} for container in spec["containers"]]
    return document | {"spec": spec}
