"""NetworkPolicies, golden: closed but for what operators name, and ranks among themselves."""

from ipaddress import ip_network
from typing import Any

import pytest

from services.executor.backends.kubernetes.making import layout_of
from services.executor.backends.kubernetes.settings import KubernetesSettings
from services.executor.backends.kubernetes.surroundings import holds, is_as_wanted, of_gang, of_namespace
from services.executor.domain.cluster_nodes import Kind
from services.executor.domain.cluster_quotas import Quota, hard
from services.executor.domain.network_policies import Addresses, Openings, Pods, closed, together
from shared.wrong_settings import WrongSettings

OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "jobyard", "uid": "1"}
RUN = "01KC0000000000000000000001.2"


def rule(direction: str, peer: dict[str, Any], *ports: int) -> dict[str, Any]:
    both = [{"protocol": protocol, "port": port} for port in ports for protocol in ("UDP", "TCP")]
    return {direction: [peer]} | ({"ports": both} if both else {})


def test_nothing_said_closes_everything() -> None:
    assert closed(Openings()) == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [],
        "egress": [],
    }


def test_names_are_resolved_and_callers_and_what_runs_reach_are_those_that_were_named() -> None:
    openings = Openings(
        dns=(Pods({"name": "system"}, {"app": "dns"}),),
        callers=(Pods({"name": "watch"}, ports=(9100, 9101)),),
        reach=(Pods(pods={"app": "cache"}), Addresses(ip_network("192.0.2.0/24"), ports=(443,))),
    )
    dns = {"namespaceSelector": {"matchLabels": {"name": "system"}}, "podSelector": {"matchLabels": {"app": "dns"}}}
    spec = closed(openings)
    assert spec["ingress"] == [rule("from", {"namespaceSelector": {"matchLabels": {"name": "watch"}}}, 9100, 9101)]
    assert spec["egress"] == [
        rule("to", dns, 53),
        rule("to", {"podSelector": {"matchLabels": {"app": "cache"}}}),
        rule("to", {"ipBlock": {"cidr": "192.0.2.0/24"}}, 443),
    ]


def test_names_are_resolved_by_the_cluster_s_pods_and_by_the_cache_on_the_node_unless_somebody_else_is_named() -> None:
    usual = layout_of("cluster", KubernetesSettings()).openings
    assert usual is not None
    system = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}
    assert closed(usual)["egress"] == [
        rule("to", system | {"podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}, 53),
        rule("to", system | {"podSelector": {"matchLabels": {"k8s-app": "node-local-dns"}}}, 53),
        rule("to", {"ipBlock": {"cidr": "169.254.20.10/32"}}, 53),
    ]
    openshift = {"namespaces": {"kubernetes.io/metadata.name": "openshift-dns"}, "ports": [5353]}
    named = layout_of("cluster", KubernetesSettings.model_validate({"dns": [openshift]})).openings
    assert named is not None
    their_own = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "openshift-dns"}}}
    assert closed(named)["egress"] == [rule("to", their_own, 5353)]


@pytest.mark.parametrize(
    ("cidr", "without", "kept"),
    [
        ("0.0.0.0/0", ["10.0.0.0/8"], ["10.0.0.0/8", "169.254.0.0/16"]),
        ("0.0.0.0/0", ["169.254.0.0/16"], ["169.254.0.0/16"]),
        ("::/0", [], ["fe80::/10"]),
        ("169.254.20.10/32", [], None),
        ("169.254.0.0/16", [], None),
        ("10.0.0.0/8", [], None),
    ],
)
def test_where_clouds_give_out_credentials_is_open_only_to_who_names_addresses_there(
    cidr: str, without: list[str], kept: list[str] | None
) -> None:
    reach = (Addresses(ip_network(cidr), tuple(map(ip_network, without))),)
    [rule] = closed(Openings(reach=reach))["egress"]
    assert rule["to"][0]["ipBlock"].get("except") == kept


def test_ranks_speak_with_their_own_alone() -> None:
    own = {"matchLabels": {"job": "a"}}
    assert together({"job": "a"}) == {
        "podSelector": own,
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [{"podSelector": own}]}],
        "egress": [{"to": [{"podSelector": own}]}],
    }


def test_a_quota_is_said_in_the_clusters_words_and_types_of_one_resource_share_its_bound() -> None:
    kinds = {"v100": Kind("nvidia.com/gpu"), "a100": Kind("nvidia.com/gpu"), "ascend910": Kind("huawei.com/Ascend910")}
    quota = Quota({"v100": 8, "a100": 4, "ascend910": 0}, cpus=1.5, memory_mib=1024, pods=100)
    assert hard(quota, kinds) == {
        "requests.nvidia.com/gpu": "12",
        "requests.huawei.com/Ascend910": "0",
        "requests.cpu": "1500m",
        "requests.memory": "1024Mi",
        "pods": "100",
    }
    assert hard(Quota(), kinds) == {}


def test_a_quota_is_as_wanted_in_whatever_words_the_cluster_keeps_it() -> None:
    quota = {"cpus": 2000, "memory_mib": 524288, "pods": 1000}
    layout = layout_of("cluster", KubernetesSettings(quotas={"lab": quota}, network_policies=False))
    [wanted] = of_namespace("jobyard-lab", "lab", layout, OWNER)
    kept = {"requests.cpu": "2k", "requests.memory": "512Gi", "pods": "1k"}
    for there, same in (
        (kept, True),
        (kept | {"services": "1"}, True),
        (kept | {"pods": "1001"}, False),
        (kept | {"requests.memory": "512G"}, False),
        ({"pods": "1k"}, False),
        ({}, False),
    ):
        assert is_as_wanted({"kind": "ResourceQuota", "spec": {"hard": there}}, wanted) is same, there
    assert not is_as_wanted({"kind": "ResourceQuota"}, wanted)


def test_settings_make_a_policy_for_each_namespace_and_a_quota_for_those_that_have_one() -> None:
    said = KubernetesSettings(quotas={"lab": {"cpus": 8}}, domain="cluster.local")
    layout = layout_of("cluster", said)
    kinds = [each["kind"] for each in of_namespace("jobyard-lab", "lab", layout, OWNER)]
    others = [each["kind"] for each in of_namespace("jobyard-x", "x", layout, OWNER)]
    gang = of_gang(f"{RUN}-3", "jobyard-lab", "lab", layout, OWNER)
    assert (kinds, others) == (["NetworkPolicy", "ResourceQuota"], ["NetworkPolicy"])
    assert [(each["kind"], each["metadata"]["name"]) for each in gang] == [
        ("NetworkPolicy", "job-01kc0000000000000000000001-a2"),
        ("Service", "job-01kc0000000000000000000001-a2"),
    ]
    off = layout_of("cluster", KubernetesSettings(network_policies=False))
    assert of_namespace("jobyard-x", "x", off, OWNER) == of_gang(RUN, "jobyard-x", "x", off, OWNER) == []


@pytest.mark.parametrize(
    "said",
    [
        {"reach": [{}]},
        {"reach": [{"cidr": "10.0.0.1/8"}]},
        {"reach": [{"cidr": "everywhere"}]},
        {"reach": [{"cidr": "10.0.0.0/8", "without": ["11.0.0.0/8"]}]},
        {"reach": [{"cidr": "10.0.0.0/8", "without": ["10.0.0.0/8"]}]},
        {"reach": [{"cidr": "10.0.0.0/8", "without": ["fe80::/10"]}]},
        {"callers": [{"pods": {"app": "a b"}}]},
        {"callers": [{"pods": {"app": "a\n"}}]},
        {"callers": [{"namespaces": {"a/b/c": "d"}}]},
        {"callers": [{"pods": {}, "ports": [0]}]},
        {"callers": [{"pods": {}, "ports": [True]}]},
        {"dns": [{"cidr": "169.254.20.10/16"}]},
        {"dns": [{}]},
        {"quotas": {"lab": {"cpus": -1}}},
        {"quotas": {"lab": {"gpus": 1}}},
        {"quotas": {"lab": {"pods": 1e309}}},
        {"domain": "Cluster.local"},
        {"node_labels": {"pool": "a,b=c"}},
        {"user": 0},
    ],
)
def test_settings_that_mean_nothing_to_a_cluster_are_refused(said: dict[str, Any]) -> None:
    with pytest.raises(WrongSettings):
        KubernetesSettings(**said)


def test_a_quota_of_devices_that_have_no_resource_is_refused() -> None:
    said = KubernetesSettings(quotas={"lab": {"devices": {"a100": 1}}})
    with pytest.raises(ValueError, match="a100"):
        layout_of("cluster", said)


def test_what_the_api_server_adds_does_not_matter_and_what_somebody_changes_does() -> None:
    wanted = {"policyTypes": ["Egress"], "egress": [{"to": [{"a": 1}]}], "ingress": []}
    there: dict[str, Any] = {"policyTypes": ["Egress"], "egress": [{"to": [{"a": 1, "b": 2}]}], "podSelector": {}}
    assert holds(there, wanted)
    assert not holds(there | {"ingress": [{}]}, wanted)
    assert not holds(there | {"egress": [{"to": [{"a": 1}]}, {}]}, wanted)
    assert not holds(there | {"egress": [{"to": [{"a": 2}]}]}, wanted)
