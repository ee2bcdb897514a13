"""What stands around pods in a real cluster: policies, quotas, the restricted level, what a run's ranks share."""

from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from services.executor.backends.kubernetes.api import TRIES, Document
from services.executor.backends.kubernetes.refusals import ApiError
from services.executor.backends.protocol import RunOrder
from services.executor.domain import pod_names as names
from services.executor.domain.cluster_quotas import Quota
from services.executor.domain.network_policies import Addresses, Openings, Pods
from services.executor.domain.observation import Refused, Waiting
from services.executor.domain.record import rank_id
from shared.ids import new_id
from tests.support.benches import opened_in_cluster
from tests.support.kubernetes.bench import KubernetesBench
from tests.support.kubernetes.cluster import shared
from tests.support.kubernetes.proxy import asks, proxy
from tests.support.waiting import until

OPENINGS = Openings(
    dns=(Pods({"kubernetes.io/metadata.name": "kube-system"}, {"k8s-app": "kube-dns"}),),
    callers=(Pods({"team": "watchers"}, ports=(9100,)),),
    reach=(Addresses(ip_network("0.0.0.0/0"), (ip_network("10.0.0.0/8"),)),),
)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[KubernetesBench]:
    """With openings, a quota of two pods, and a domain of the cluster's DNS (which has none)."""
    async with opened_in_cluster(tmp_path) as bench:
        await bench.close()
        bench.layout = replace(
            bench.layout, openings=OPENINGS, quotas={bench.vc: Quota(cpus=4.0, pods=2)}, domain="cluster.local"
        )
        await bench.open()
        yield bench


def policies(bench: KubernetesBench) -> str:
    return f"/apis/networking.k8s.io/v1/namespaces/{bench.namespace}/networkpolicies"


def ranks(bench: KubernetesBench, *scripts: str) -> list[RunOrder]:
    run = f"{new_id()}.1"
    orders = []
    for rank, script in enumerate(scripts):
        order = bench.order(script, rank_id(run, rank))
        env = order.env | {"RANK": str(rank), "MASTER_ADDR": "127.0.0.1"}
        orders.append(replace(order, rank=rank, ranks=len(scripts), env=env))
    return orders


async def launched(bench: KubernetesBench, *orders: RunOrder) -> None:
    """Again and again, as the executor does: a quota lets nothing in before the cluster has counted what it bounds."""

    async def known() -> bool:
        await bench.backend.launch(orders)
        seen = await bench.backend.observe([order.run_id for order in orders])
        return not any(isinstance(each, Waiting) for each in seen.values())

    await until(known, "the runs are more than asked for", within=bench.within_s)


async def specs(bench: KubernetesBench, path: str) -> dict[str, Document]:
    return {each["metadata"]["name"]: each["spec"] for each in (await bench.api.get(path))["items"]}


async def test_a_namespace_is_closed_and_bounded_before_its_first_run_and_put_right_when_somebody_opens_it(
    bench: KubernetesBench,
) -> None:
    await launched(bench, bench.order("true"))
    [(name, spec)] = (await specs(bench, policies(bench))).items()
    everywhere = {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "169.254.0.0/16"]}}
    watchers = {"namespaceSelector": {"matchLabels": {"team": "watchers"}}}
    resolvers = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }
    assert spec == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [watchers], "ports": both(9100)}],
        "egress": [{"to": [resolvers], "ports": both(53)}, {"to": [everywhere]}],
    }
    quotas = await specs(bench, f"/api/v1/namespaces/{bench.namespace}/resourcequotas")
    assert quotas[name]["hard"] == {"requests.cpu": "4", "pods": "2"}
    await bench.api.patch(f"{policies(bench)}/{name}", {"spec": {"egress": [{}], "ingress": [{}]}})
    await bench.api.delete(f"/api/v1/namespaces/{bench.namespace}/resourcequotas/{name}", {})
    level = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}}
    await bench.api.patch(f"/api/v1/namespaces/{bench.namespace}", level)
    await bench.repair()
    assert (await specs(bench, policies(bench)))[name] == spec
    assert name in await specs(bench, f"/api/v1/namespaces/{bench.namespace}/resourcequotas")
    with pytest.raises(ApiError, match='violates PodSecurity "restricted'):
        await bench.api.create(f"/api/v1/namespaces/{bench.namespace}/pods", somebodys_pod())
    label = {names.EXECUTOR: names.short_hash(bench.layout.executor)}
    for stranger, said in (("copy", {}), ("odd", {names.RUN: "../../etc"})):
        meta = {"name": stranger, "labels": label, "annotations": said}
        await bench.api.create(policies(bench), {"metadata": meta, "spec": {"podSelector": {}}})
    bench.layout = replace(bench.layout, openings=None, quotas={})
    await bench.reopen()
    await bench.repair()
    assert (await specs(bench, policies(bench))).keys() == {"copy", "odd"}
    assert await specs(bench, f"/api/v1/namespaces/{bench.namespace}/resourcequotas") == {}


async def test_what_is_as_it_should_be_is_left_alone(tmp_path: Path) -> None:
    async with proxy(tmp_path, shared()) as between, opened_in_cluster(tmp_path, through=between.kubeconfig) as bench:
        quota = Quota(cpus=2000.0, memory_mib=524288, pods=1000)
        bench.layout = replace(bench.layout, openings=OPENINGS, quotas={bench.vc: quota})
        await bench.reopen()
        order = replace(bench.order(bench.WAIT_FOR_GO), memory_mib=32)
        await launched(bench, order)
        applied = [asked for asked in between.asked if asks("PATCH", f".*/{bench.namespace}/.*")(asked)]
        quotas = await specs(bench, f"/api/v1/namespaces/{bench.namespace}/resourcequotas")
        assert [spec["hard"] for spec in quotas.values()] == [
            {"requests.cpu": "2k", "requests.memory": "512Gi", "pods": "1k"}
        ]
        await bench.repair()
        assert [asked for asked in between.asked if asks("PATCH", f".*/{bench.namespace}/.*")(asked)] == applied
        bench.go()
        await bench.ended(order.run_id)


async def test_a_namespace_stays_closed_while_the_api_server_does_not_say_how_it_is(tmp_path: Path) -> None:
    async with proxy(tmp_path, shared()) as between, opened_in_cluster(tmp_path, through=between.kubeconfig) as bench:
        bench.layout = replace(bench.layout, quotas={bench.vc: Quota(pods=1000)})
        await bench.reopen()
        order = bench.order(bench.WAIT_FOR_GO)
        await launched(bench, order)
        owner = asks("GET", f"/api/v1/namespaces/{bench.namespace}/configmaps/{names.ANCHOR}")
        between.refuse(owner, 503, times=TRIES)
        await bench.repair()
        assert sum(map(owner, between.asked)) == TRIES
        removed = asks("DELETE", f".*/{bench.namespace}/(networkpolicies|resourcequotas)/.*")
        assert not any(map(removed, between.asked))
        bench.go()
        await bench.ended(order.run_id)


async def test_ranks_of_a_run_may_speak_with_one_another_and_meet_by_name_and_nothing_of_that_is_left(
    bench: KubernetesBench,
) -> None:
    orders = ranks(bench, bench.WAIT_FOR_GO, f"echo $MASTER_ADDR >> address; {bench.WAIT_FOR_GO}")
    await launched(bench, *orders)
    first, gang = names.pod_name(orders[0].run_id), names.gang_name(orders[0].run_id)
    selected = {"podSelector": {"matchLabels": await labels_of(bench, first)}}
    spec = (await specs(bench, policies(bench)))[gang]
    assert (spec["podSelector"], spec["ingress"], spec["egress"]) == (
        selected["podSelector"],
        [{"from": [selected]}],
        [{"to": [selected]}],
    )
    service = (await specs(bench, f"/api/v1/namespaces/{bench.namespace}/services"))[gang]
    assert (service["clusterIP"], service["selector"]) == ("None", selected["podSelector"]["matchLabels"])
    await until(lambda: bench.lines("address"), "rank 1 knows the address")
    assert bench.lines("address") == [f"{first}.{gang}.{bench.namespace}.svc.cluster.local"]
    await bench.api.delete(f"{policies(bench)}/{gang}", {})
    await bench.repair()
    assert gang in await specs(bench, policies(bench))
    bench.go()
    for order in orders:
        await bench.ended(order.run_id)
    await bench.backend.forget([order.run_id for order in orders])

    async def gone() -> bool:
        await bench.repair()
        left = await specs(bench, policies(bench))
        return gang not in left and not await specs(bench, f"/api/v1/namespaces/{bench.namespace}/services")

    await until(gone, "nothing of the run is left")


async def test_a_quota_of_the_settings_makes_a_run_wait(bench: KubernetesBench) -> None:
    first, order = bench.order("true"), replace(bench.order("true"), cpus=5.0)
    await launched(bench, first)
    await bench.ended(first.run_id)  # so the quota counts
    await launched(bench, order)
    seen = await bench.seen(order.run_id)
    assert isinstance(seen, Refused)
    assert seen.busy and seen.own
    assert "exceeded quota" in seen.reason.message


async def test_a_namespace_of_another_virtual_cluster_is_never_used(bench: KubernetesBench) -> None:
    await bench.api.patch(f"/api/v1/namespaces/{bench.namespace}", {"metadata": {"annotations": {names.VC: "others"}}})
    order = bench.order("true")
    await bench.backend.launch([order])
    seen = await bench.reaches(order.run_id, Refused)
    assert (seen.reason.code, seen.busy) == ("namespace_taken", False)
    assert (await specs(bench, policies(bench))) == {}


def both(port: int) -> list[Document]:
    return [{"protocol": "UDP", "port": port}, {"protocol": "TCP", "port": port}]


async def labels_of(bench: KubernetesBench, pod: str) -> dict[str, Any]:
    found = await bench.api.get(f"/api/v1/namespaces/{bench.namespace}/pods/{pod}")
    return {name: found["metadata"]["labels"][name] for name in (names.EXECUTOR, names.JOB)}


def somebodys_pod() -> Document:
    return {"metadata": {"name": "root"}, "spec": {"containers": [{"name": "root", "image": "any"}]}}
