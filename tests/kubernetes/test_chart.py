"""What the Helm chart renders, and what it refuses, without a cluster: `test_chart_installed.py` has one."""

import json
import re
from ipaddress import IPv4Network, IPv6Network
from pathlib import PurePosixPath
from typing import Any, get_args

import pytest
import yaml

from docs.tools.settings import SECTIONS
from services.executor.backends.kubernetes import rights
from services.executor.backends.kubernetes.network_settings import AddressesSettings
from services.executor.backends.kubernetes.settings import KubernetesSettings
from services.executor.domain import pod_names
from services.gateway.settings import GatewaySettings
from shared.wrong_settings import variables
from tests.support.kubernetes.audit import granted
from tests.support.kubernetes.helm import CHART, MONITORING, NEEDED, HelmError, Values, helm, merged, rendered
from tests.support.kubernetes.programs import needs_programs
from tests.support.kubernetes.reach import Party, allowed
from tests.support.platform import CHECKOUT
from tests.support.separate import SERVICES

needs_programs("helm")

Document = dict[str, Any]
ALL = ("--api-versions", MONITORING[0], "--api-versions", MONITORING[1])
PROXIES = ["10.1.0.0/16"]
USUAL_FIGURES = rights.FIGURES["summary"]["direct"]
STORING = {"jobs", "gateway", "endpoints", "metrics", "notify"}
EVERYTHING: Values = {
    "authority": {"configMap": "lab-ca"},
    "metricsToken": {"secret": "jobyard-metrics"},
    "env": {"JOBYARD_PROMETHEUS_URL": "http://prometheus.monitoring:9090", "JOBYARD_OTLP_URL": "http://collector:4318"},
    "storage": {"subPath": "jobyard", "more": {"/data": {"claim": "datasets", "subPath": "public", "readOnly": True}}},
    "runs": {
        "image": "registry.lab/train:3",
        "registries": ["docker.io", "*.lab:5000"],
        "pullSecrets": ["registry"],
        "devices": {"v100": {"resource": "nvidia.com/gpu", "labels": {"nvidia.com/gpu.product": "Tesla-V100"}}},
        "priorityClass": "training",
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "nodeLabels": {"role": "training"},
        "quotas": {"default": {"devices": {"v100": 8}, "pods": 100}},
        "reach": [{"cidr": "0.0.0.0/0", "without": ["10.0.0.0/8"]}],
        "callers": [{"namespaces": {"kubernetes.io/metadata.name": "monitoring"}, "ports": [9100]}],
        "dns": [{"cidr": "10.96.0.10/32"}],
        "domain": "cluster.local",
        "usage": "cadvisor",
        "kubeletPort": 10_350,
        "prometheus": "http://prometheus.monitoring:9091/cluster",
        "virtualClusters": ["default", "Vision_Lab"],
    },
    "registries": {
        "asked": ["docker.io", "registry.lab:5000", "http://mirror.lab"],
        "networks": ["10.0.0.0/8", "fd00::/8"],
    },
    "services": {
        "notify": {
            "env": {"JOBYARD_NOTIFY_SMTP_HOST": "mail.lab"},
            "secrets": {"JOBYARD_NOTIFY_SMTP_PASSWORD": {"secret": "mail", "key": "password"}},
        },
        "logs": {"disk": {"storageClass": "fast"}},
    },
    "pods": {
        "annotations": {"lab/owner": "platform"},
        "labels": {"lab": "platform"},
        "nodeSelector": {"role": "services"},
        "tolerations": [{"key": "services", "operator": "Exists"}],
        "priorityClass": "services",
    },
    "ingress": {
        "enabled": True,
        "className": "nginx",
        "annotations": {"nginx.ingress.kubernetes.io/proxy-buffering": "off"},
        "host": "yard.example.org",
        "tlsSecret": "yard-tls",
        "doorHost": "doors.example.net",
        "doorTlsSecret": "doors-tls",
        "proxies": ["10.1.0.0/16"],
    },
    "ssh": {"type": "LoadBalancer", "host": "ssh.example.org"},
    "networkPolicy": {"natsPeers": [{"podSelector": {"matchLabels": {"app": "nats"}}}]},
    "monitoring": {"serviceMonitor": {"labels": {"release": "prometheus"}}},
}
"""Every part of the chart."""


@pytest.fixture(scope="module")
def default() -> list[Document]:
    return rendered()


@pytest.fixture(scope="module")
def everything() -> list[Document]:
    return rendered(EVERYTHING, *ALL)


def kinds(documents: list[Document], *wanted: str) -> list[Document]:
    return [document for document in documents if document.get("kind") in wanted]


def workloads(documents: list[Document]) -> dict[str, Document]:
    """By service."""
    found = kinds(documents, "Deployment", "StatefulSet")
    return {one["metadata"]["labels"]["app.kubernetes.io/component"]: one for one in found}


def pods(documents: list[Document]) -> dict[str, Document]:
    return {service: one["spec"]["template"]["spec"] for service, one in workloads(documents).items()}


def environments(documents: list[Document]) -> dict[str, dict[str, Document]]:
    """By service, by the name of the variable."""
    found = {service: pod["containers"][0]["env"] for service, pod in pods(documents).items()}
    return {service: {each["name"]: each for each in env} for service, env in found.items()}


@pytest.mark.parametrize("values", [{}, NEEDED, {**NEEDED, **EVERYTHING}], ids=["nothing", "needed", "everything"])
def test_the_chart_lints(values: Values) -> None:
    said = helm("lint", CHART, values=values)
    assert "[ERROR]" not in said and "[WARNING]" not in said


def test_all_that_is_missing_is_said_at_once() -> None:
    with pytest.raises(HelmError) as refused:
        helm("template", "jobyard", CHART, values={"ingress": {"enabled": True, "doorHost": "d.example.org"}})
    for name in ("nats.servers", "nats.secret", "mongo.secret", "secretKey.secret", "admin.secret", "storage.claim"):
        assert f"- {name}: " in str(refused.value)
    for name in ("ingress.host", "ingress.tlsSecret", "ingress.doorTlsSecret", "ingress.proxies"):
        assert f"- {name}: " in str(refused.value)
    assert "- ingress.doorHost: " not in str(refused.value)


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"replicas": 3}, "replicas"),
        ({"services": {"gateway": {"replica": 3}}}, "gateway"),
        ({"services": {"jobs": {"replicas": "two"}}}, "jobs/replicas"),
        ({"services": {"executor": {"replicas": 2}}}, "executor/replicas"),
        (
            {"services": {"notify": {"env": {"JOBYARD_NOTIFY_SMTP_PASSWORD": "hunter2"}}}},
            "JOBYARD_NOTIFY_SMTP_PASSWORD",
        ),
        ({"env": {"JOBYARD_MONGO_URL": "mongodb://root:root@mongo"}}, "JOBYARD_MONGO_URL"),
        ({"env": {"JOBYARD_X\n- name: Y": "1"}}, "does not match pattern"),
        ({"nats": {"servers": ["nats://jobs:password@nats:4222"]}}, "nats/servers/0"),
        ({"mongo": {"secret": "jobyard\nmongo"}}, "mongo/secret"),
        ({"image": {"repository": "jobyard --privileged"}}, "image/repository"),
        ({"image": {"digest": "sha256:12"}}, "image/digest"),
        ({"security": {"user": 0}}, "security/user"),
        ({"storage": {"path": "/srv/../etc"}}, "storage/path"),
        ({"storage": {"subPath": "../other"}}, "storage/subPath"),
        ({"runs": {"virtualClusters": ["a b"]}}, "virtualClusters/0"),
        ({"runs": {"namespacePrefix": "Jobs_"}}, "namespacePrefix"),
        ({"runs": {"reach": [{"cidr": "everywhere"}]}}, "reach/0/cidr"),
        ({"runs": {"reach": [{"cidr": "10.0.0.0/99"}]}}, "reach/0/cidr"),
        ({"runs": {"reach": [{"cidr": "10.0.0.256/8"}]}}, "reach/0/cidr"),
        ({"runs": {"reach": [{"ports": [443]}]}}, "reach/0"),
        ({"runs": {"reach": [{"cidr": "10.0.0.0/8", "pods": {"app": "a"}}]}}, "reach/0"),
        ({"runs": {"callers": [{"pods": {"app": "a"}, "without": ["10.0.0.0/8"]}]}}, "callers/0"),
        ({"runs": {"labels": {"team": "two words"}}}, "labels/team"),
        ({"runs": {"labels": {"jobyard.io/run": "mine"}}}, "runs/labels"),
        ({"runs": {"annotations": {"jobyard.io/owner": "me"}}}, "runs/annotations"),
        ({"runs": {"nodeLabels": {"-pool": "gpu"}}}, "-pool"),
        ({"runs": {"domain": "Cluster.local"}}, "runs/domain"),
        ({"runs": {"pluginsSay": ["NVIDIA_VISIBLE_DEVICES"]}}, "pluginsSay/0"),
        ({"runs": {"memoryMib": 2**40}}, "runs/memoryMib"),
        ({"runs": {"priorityClass": "Team High"}}, "priorityClass"),
        ({"runs": {"quotas": {"default": {"pods": -1}}}}, "quotas/default/pods"),
        ({"runs": {"usage": "kubectl top"}}, "runs/usage"),
        ({"runs": {"prometheus": "http://user:word@prometheus:9090"}}, "runs/prometheus"),
        ({"env": {"JOBYARD_EXECUTOR_KUBERNETES_USAGE": "none"}}, "JOBYARD_EXECUTOR_KUBERNETES_USAGE"),
        ({"env": {"JOBYARD_EXECUTOR_KUBERNETES_KUBELET_TOKEN_FILE": "/etc/x"}}, "KUBELET_TOKEN_FILE"),
        ({"services": {"gateway": {"env": {"JOBYARD_GATEWAY_REGISTRIES": "a.lab"}}}}, "JOBYARD_GATEWAY_REGISTRIES"),
        ({"registries": {"asked": ["https://registry.lab/v2"]}}, "registries/asked/0"),
        ({"networkPolicy": {"mongoPorts": []}}, "mongoPorts"),
        ({"networkPolicy": {"outsidePorts": {"jobs": [443]}}}, "outsidePorts"),
        ({"ssh": {"type": "HostNetwork"}}, "ssh/type"),
        ({"ingress": {"host": "yard.example.org/path"}}, "ingress/host"),
        ({"ingress": {"tls": "balancer"}}, "ingress/tls"),
        ({"runs": {"dns": [{"host": "resolver"}]}}, "runs/dns/0"),
        ({"networkPolicy": {"visitorPeers": [{}]}}, "visitorPeers/0"),
        ({"pods": {"terminationGracePeriodSeconds": 1}}, "terminationGracePeriodSeconds"),
    ],
)
def test_values_that_are_not_known_or_cannot_be_are_refused(values: Values, where: str) -> None:
    with pytest.raises(HelmError, match="schema") as refused:
        rendered(values)
    assert where in str(refused.value)


def test_what_the_executor_reads_of_odd_values_is_what_the_schema_lets_through(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = {
        "priorityClass": "team.high",
        "runtimeClass": "gvisor.io",
        "reach": [{"cidr": "10.1.0.0/16", "without": ["10.1.9.0/24"]}, {"cidr": "fd00::/64"}],
        "annotations": {"example.org/why": "in words, with: signs"},
        "domain": "cluster.local",
        "memoryMib": 67_108_864,
        "pluginsSay": ["NVIDIA_GDS"],
        "diskMib": 2**30,
    }
    _let_read(monkeypatch, environments(rendered({"runs": runs}))["executor"])
    settings = KubernetesSettings()
    assert (settings.priority_class, settings.runtime_class) == ("team.high", "gvisor.io")
    assert settings.reach == (
        AddressesSettings(cidr=IPv4Network("10.1.0.0/16"), without=(IPv4Network("10.1.9.0/24"),)),
        AddressesSettings(cidr=IPv6Network("fd00::/64")),
    )
    assert settings.plugins_say == ("NVIDIA_GDS",)
    assert settings.annotations["example.org/why"] == "in words, with: signs"


def test_an_address_in_place_of_its_network_is_refused_and_asked_about() -> None:
    with pytest.raises(HelmError, match=r"10\.0\.0\.1/8, which is an address in it: .* or 10\.0\.0\.1/32\?") as refused:
        rendered(
            {"runs": {"reach": [{"cidr": "10.0.0.1/8"}, {"cidr": "10.128.0.0/9", "without": ["10.255.255.128/24"]}]}}
        )
    assert "10.255.255.128/24" in str(refused.value) and "10.128.0.0/9" not in str(refused.value)
    with pytest.raises(HelmError, match=r"169\.254\.20\.10/16"):
        rendered({"runs": {"dns": [{"cidr": "169.254.20.10/16"}]}})
    assert rendered({"runs": {"reach": [{"cidr": "0.0.0.0/0"}, {"cidr": "10.1.2.3/32"}, {"cidr": "192.168.4.0/22"}]}})


def test_a_quota_of_devices_that_are_not_described_is_refused() -> None:
    with pytest.raises(HelmError, match=r"- runs\.devices\.a100: its resource; runs\.quotas\.lab"):
        rendered({"runs": {"quotas": {"lab": {"devices": {"a100": 8}}}}})


def test_a_prometheus_that_is_to_say_what_runs_use_has_to_be_named() -> None:
    with pytest.raises(HelmError, match=r"- runs\.prometheus: "):
        rendered({"runs": {"usage": "prometheus"}})
    secret = {"JOBYARD_EXECUTOR_KUBERNETES_PROMETHEUS": {"secret": "prometheus", "key": "url"}}
    found = environments(rendered({"runs": {"usage": "prometheus"}, "services": {"executor": {"secrets": secret}}}))
    assert _is_secret(found["executor"]["JOBYARD_EXECUTOR_KUBERNETES_PROMETHEUS"])


def test_a_door_for_jobs_on_the_console_s_host_is_refused() -> None:
    same = {
        "enabled": True,
        "proxies": PROXIES,
        "host": "a.lab",
        "tlsSecret": "t",
        "doorHost": "a.lab",
        "doorTlsSecret": "t",
    }
    with pytest.raises(HelmError, match="whose cookies jobs must not get"):
        rendered({"ingress": same})


@pytest.mark.parametrize(
    "env", [{"JOBYARD_ENDPOINTS_PUBLIC_URL": "https://doors.lab"}, {"JOBYARD_ENDPOINTS_HTTP_PORT": 0}], ids=str
)
def test_an_ingress_without_a_door_is_refused_unless_it_is_elsewhere_or_there_is_to_be_none(env: Values) -> None:
    ingress = {"enabled": True, "proxies": PROXIES, "host": "a.lab", "tlsSecret": "t"}
    with pytest.raises(HelmError, match=r"- ingress\.doorHost: the name of the door"):
        rendered({"ingress": ingress})
    found = environments(rendered({"ingress": ingress, "env": env}))
    for service in ("gateway", "endpoints"):
        door = found[service].get("JOBYARD_ENDPOINTS_PUBLIC_URL", {}).get("value")
        assert door == env.get("JOBYARD_ENDPOINTS_PUBLIC_URL")


def test_without_an_ingress_the_door_is_where_the_notes_have_people_forward_it() -> None:
    found = environments(rendered({}))
    for service in ("gateway", "endpoints"):
        assert found[service]["JOBYARD_ENDPOINTS_PUBLIC_URL"]["value"] == "http://127.0.0.1:8081"
    forwarded = "port-forward service/jobyard-door 8081"
    assert forwarded in _notes({})
    assert forwarded not in _notes({"env": {"JOBYARD_ENDPOINTS_HTTP_PORT": 0}})


@pytest.mark.parametrize(
    ("ssh", "shown"),
    [
        ({}, "0"),
        ({"type": "LoadBalancer", "port": 22}, "0"),
        ({"type": "LoadBalancer", "port": 22, "host": "ssh.lab"}, "22"),
        ({"type": "NodePort", "nodePort": 30_022, "host": "node.lab"}, "30022"),
    ],
)
def test_people_are_shown_ssh_where_it_listens_and_only_if_its_host_is_known(ssh: Values, shown: str) -> None:
    found = rendered({"ssh": ssh})
    endpoints = environments(found)["endpoints"]
    assert endpoints["JOBYARD_ENDPOINTS_SSH_PUBLIC_PORT"]["value"] == shown
    assert endpoints.get("JOBYARD_ENDPOINTS_SSH_HOST", {}).get("value") == ssh.get("host")
    [service] = [one["spec"] for one in kinds(found, "Service") if one["metadata"]["name"] == "jobyard-ssh"]
    assert service["ports"][0]["port"] == ssh.get("port", 2222)
    assert service["ports"][0].get("nodePort") == ssh.get("nodePort")
    assert ("ssh.host is not set" in _notes({"ssh": ssh})) is ("host" not in ssh)


def test_a_port_of_nodes_that_nobody_could_be_shown_is_refused() -> None:
    with pytest.raises(HelmError, match=r"- ssh\.nodePort: the port of ssh\.host"):
        rendered({"ssh": {"type": "NodePort", "host": "node.lab"}})
    with pytest.raises(HelmError, match=r"- ssh\.type: NodePort, or no ssh\.nodePort"):
        rendered({"ssh": {"type": "LoadBalancer", "nodePort": 30_022}})


def test_a_release_beside_the_pods_of_jobs_is_refused_since_the_executor_reads_every_secret_there() -> None:
    for values in ({}, {"runs": {"createNamespaces": True}}):
        with pytest.raises(HelmError, match="jobyard-default is the one of the virtual cluster default"):
            rendered(values, namespace="jobyard-default")
    assert rendered({"runs": {"namespacePrefix": "runs-"}}, namespace="jobyard-default")


def test_where_a_balancer_has_the_certificates_no_secret_is_named_and_services_bear_what_it_reads() -> None:
    service = {"cloud.google.com/backend-config": '{"default": "jobyard"}'}
    hosts = {"proxies": PROXIES, "host": "a.lab", "doorHost": "b.lab"}
    ingress = {"enabled": True, "tls": False, "serviceAnnotations": service, **hosts}
    found = rendered({"ingress": ingress})
    assert [one["spec"].get("tls") for one in kinds(found, "Ingress")] == [None, None]
    bearing = {
        one["metadata"]["name"] for one in kinds(found, "Service") if one["metadata"].get("annotations") == service
    }
    assert bearing == {"jobyard-gateway", "jobyard-door"}
    assert environments(found)["endpoints"]["JOBYARD_ENDPOINTS_PUBLIC_URL"]["value"] == "https://b.lab"
    with pytest.raises(HelmError, match=r"- ingress\.tls: "):
        rendered({"ingress": ingress | {"tlsSecret": "a"}})


def test_a_number_stays_as_it_is_written_however_large(monkeypatch: pytest.MonkeyPatch) -> None:
    million, beyond = 1_048_576, 4_294_967_296
    values = {
        "env": {"JOBYARD_NOTIFY_KEEP": beyond, "JOBYARD_RATIO": 0.25, "JOBYARD_YES": True},
        "security": {"user": million, "group": beyond},
        "pods": {"terminationGracePeriodSeconds": million},
        "runs": {
            "memoryMib": million,
            "diskMib": million,
            "sharedMemoryMib": million,
            "patienceS": million,
            "startS": million,
            "tolerations": [{"operator": "Exists", "tolerationSeconds": beyond}],
            "devices": {"v100": {"resource": "nvidia.com/gpu", "memory_mib": million}},
            "quotas": {"default": {"memory_mib": beyond}},
        },
        "services": {"gateway": {"env": {"JOBYARD_GATEWAY_GRAFANA_ANSWER_BYTES": beyond}}},
    }
    found = rendered(values)
    gateway = environments(found)["gateway"]
    assert gateway["JOBYARD_GATEWAY_GRAFANA_ANSWER_BYTES"]["value"] == gateway["JOBYARD_NOTIFY_KEEP"]["value"]
    assert gateway["JOBYARD_NOTIFY_KEEP"]["value"] == "4294967296"
    assert [gateway[name]["value"] for name in ("JOBYARD_RATIO", "JOBYARD_YES")] == ["0.25", "true"]
    for pod in pods(found).values():
        assert pod["terminationGracePeriodSeconds"] == pod["securityContext"]["runAsUser"] == million
        assert pod["securityContext"]["runAsGroup"] == pod["securityContext"]["fsGroup"] == beyond
    _let_read(monkeypatch, environments(found)["executor"])
    settings = KubernetesSettings()
    assert settings.memory_mib == settings.disk_mib == settings.shared_memory_mib == million
    assert settings.patience_s == settings.start_s == million
    assert settings.devices["v100"].memory_mib == million and settings.quotas["default"].memory_mib == beyond
    assert settings.tolerations[0]["tolerationSeconds"] == settings.group == beyond
    assert "e+" not in json.dumps(found)


def test_every_service_runs_from_the_one_image(everything: list[Document]) -> None:
    found = pods(everything)
    assert set(found) == set(SERVICES)
    for service, pod in found.items():
        assert pod["containers"][0]["args"] == [f"services.{service}"]
        assert pod["containers"][0]["image"] == "jobyard:0.1.0"
    digest = f"sha256:{'0' * 64}"
    pinned = rendered({"image": {"repository": "registry.lab/jobyard", "digest": digest}})
    assert {pod["containers"][0]["image"] for pod in pods(pinned).values()} == {f"registry.lab/jobyard@{digest}"}


def test_pods_can_change_nothing_and_only_the_executor_has_a_token(everything: list[Document]) -> None:
    for service, pod in pods(everything).items():
        container = pod["containers"][0]
        assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] == 10_001
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert pod["automountServiceAccountToken"] is (service == "executor")
        assert pod["enableServiceLinks"] is False, "JOBYARD_GATEWAY_PORT would be an address"
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    assert all(not account["automountServiceAccountToken"] for account in kinds(everything, "ServiceAccount"))


def test_every_pod_is_probed_and_bounded(default: list[Document]) -> None:
    for pod in pods(default).values():
        container = pod["containers"][0]
        assert container["startupProbe"]["httpGet"] == {"path": "/healthz", "port": "metrics"}
        assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "metrics"}
        assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "metrics"}
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert container["resources"]["limits"].keys() == {"memory"}


def test_what_the_environment_says_are_settings_that_there_are(everything: list[Document]) -> None:
    known = {
        variable
        for settings in SECTIONS.values()
        for name, field in settings.model_fields.items()
        for variable in variables(settings, name)
    }
    for environment in environments(everything).values():
        assert set(environment) - known <= {"JOBYARD_NATS_PASSWORD", "SSL_CERT_FILE"}


def test_the_executor_reads_what_the_values_say_of_runs(
    everything: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    _let_read(monkeypatch, environments(everything)["executor"])
    settings = KubernetesSettings()
    assert (settings.image, settings.pull_secrets) == ("registry.lab/train:3", ("registry",))
    assert settings.devices["v100"].resource == "nvidia.com/gpu"
    assert settings.tolerations == ({"key": "gpu", "operator": "Exists"},)
    assert (settings.user, settings.group, settings.create_namespaces) == (10_001, 10_001, False)
    assert (settings.quotas["default"].pods, settings.domain) == (100, "cluster.local")
    assert (settings.usage, settings.kubelets) == ("cadvisor", "direct")
    assert settings.prometheus == "http://prometheus.monitoring:9091/cluster"
    assert settings.dns == (AddressesSettings(cidr=IPv4Network("10.96.0.10/32")),)
    assert environments(everything)["executor"]["JOBYARD_EXECUTOR_REGISTRIES"]["value"] == "docker.io,*.lab:5000"
    assert (len(settings.reach), len(settings.callers), settings.node_labels) == (1, 1, {"role": "training"})
    claims = {str(path): (claim.claim, claim.sub_path, claim.read_only) for path, claim in settings.storage.items()}
    assert claims == {"/srv/jobyard/storage": ("jobyard", "jobyard", False), "/data": ("datasets", "public", True)}
    mounts = pods(everything)["executor"]["containers"][0]["volumeMounts"]
    assert set(settings.storage) <= {PurePosixPath(mount["mountPath"]) for mount in mounts}


def test_the_gateway_asks_the_registries_that_the_values_name_else_its_own_list(
    default: list[Document], everything: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = environments(everything)["gateway"]
    for name in ("JOBYARD_GATEWAY_REGISTRIES", "JOBYARD_GATEWAY_REGISTRY_NETWORKS"):
        assert name not in environments(default)["gateway"]
        monkeypatch.setenv(name, environment[name]["value"])
    settings = GatewaySettings()
    assert settings.registries == ("docker.io", "registry.lab:5000", "http://mirror.lab")
    assert [str(network) for network in settings.registry_networks] == ["10.0.0.0/8", "fd00::/8"]


def test_a_service_gets_its_own_password_and_no_secret_is_the_chart_s(everything: list[Document]) -> None:
    [token] = kinds(everything, "Secret")
    assert token["type"] == "kubernetes.io/service-account-token" and not {"data", "stringData"} & set(token)
    accounts = (CHECKOUT / "deploy" / "nats" / "accounts.conf").read_text()
    for service, environment in environments(everything).items():
        secret = {name: each["valueFrom"]["secretKeyRef"] for name, each in environment.items() if _is_secret(each)}
        key = f"JOBYARD_NATS_{service.upper()}_PASSWORD"
        assert secret["JOBYARD_NATS_PASSWORD"] == {"name": "jobyard-nats", "key": key} and f"${key}" in accounts
        assert environment["JOBYARD_NATS_URL"]["value"] == f"tls://{service}:$(JOBYARD_NATS_PASSWORD)@nats:4222"
        names = list(environment)
        assert names.index("JOBYARD_NATS_PASSWORD") < names.index("JOBYARD_NATS_URL"), "else it stays as it stands"
        assert ("JOBYARD_MONGO_URL" in secret) is (service in STORING)
        assert ("JOBYARD_GATEWAY_SECRET_KEY" in secret) is (service == "gateway")
        assert ("JOBYARD_NOTIFY_SMTP_PASSWORD" in secret) is (service == "notify")
        assert "JOBYARD_METRICS_TOKEN" in secret


def test_several_servers_of_nats_and_a_database_user_for_a_service() -> None:
    nats = {"servers": ["n-0:4222", "n-1:4222"], "replicas": 3}
    found = environments(rendered({"nats": nats, "mongo": {"keys": {"gateway": "gateway-url"}}}))
    given = "tls://jobs:$(JOBYARD_NATS_PASSWORD)@"
    assert found["jobs"]["JOBYARD_NATS_URL"]["value"] == f"{given}n-0:4222,{given}n-1:4222"
    assert found["jobs"]["JOBYARD_NATS_REPLICAS"]["value"] == "3"
    plain = environments(rendered({"nats": {"tls": False}}))["jobs"]["JOBYARD_NATS_URL"]["value"]
    assert plain == "nats://jobs:$(JOBYARD_NATS_PASSWORD)@nats:4222", "only where that is said"
    urls = {name: found[name]["JOBYARD_MONGO_URL"]["valueFrom"]["secretKeyRef"]["key"] for name in STORING}
    assert urls == dict.fromkeys(STORING, "url") | {"gateway": "gateway-url"}


def test_replicas_are_spread_and_drained_one_at_a_time_and_one_alone_may_be_drained(default: list[Document]) -> None:
    alone = {name for name, one in workloads(default).items() if one["spec"]["replicas"] == 1}
    assert alone == {"executor"}
    budgets = kinds(default, "PodDisruptionBudget")
    guarded = {one["spec"]["selector"]["matchLabels"]["app.kubernetes.io/component"]: one["spec"] for one in budgets}
    assert set(guarded) == set(SERVICES) - alone
    assert {one["maxUnavailable"] for one in guarded.values()} == {1}
    for name, pod in pods(default).items():
        spread = pod.get("topologySpreadConstraints", [])
        assert [each["topologyKey"] for each in spread] == (
            [] if name in alone else ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]
        )
        for each in spread:
            assert each["labelSelector"]["matchLabels"]["app.kubernetes.io/component"] == name


def test_what_is_kept_on_disks_outlives_the_release(everything: list[Document]) -> None:
    keeping = {name: one["spec"] for name, one in workloads(everything).items() if one["kind"] == "StatefulSet"}
    assert set(keeping) == {"executor", "logs"}
    for spec in keeping.values():
        assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
        [claim] = spec["volumeClaimTemplates"]
        assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
        [mount] = [one for one in spec["template"]["spec"]["containers"][0]["volumeMounts"] if one["name"] == "data"]
        assert mount["mountPath"] == "/var/lib/jobyard"
    assert not kinds(everything, "PersistentVolumeClaim")
    for namespace in kinds(everything, "Namespace"):
        assert namespace["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_an_upgrade_finds_what_is_there_by_labels_that_never_change(everything: list[Document]) -> None:
    for name, one in workloads(everything).items():
        selector = one["spec"]["selector"]["matchLabels"]
        assert set(selector) == {f"app.kubernetes.io/{part}" for part in ("name", "instance", "component")}
        assert selector.items() <= one["spec"]["template"]["metadata"]["labels"].items()
        assert selector["app.kubernetes.io/component"] == name


def test_namespaces_of_virtual_clusters_are_those_that_the_executor_looks_for() -> None:
    clusters = ["default", "Vision_Lab", "a-", "x" * 63, "UPPER", "lab-0123456789", "lab-01234567"]
    found = kinds(rendered({"runs": {"virtualClusters": clusters}}), "Namespace")
    by_cluster = {one["metadata"]["annotations"][pod_names.VC]: one["metadata"] for one in found}
    assert {vc: one["name"] for vc, one in by_cluster.items()} == {vc: pod_names.namespace(vc) for vc in clusters}
    for one in by_cluster.values():
        assert one["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_an_executor_that_makes_namespaces_takes_those_that_were_there_of_the_named_clusters_alone(
    everything: list[Document],
) -> None:
    name = "JOBYARD_EXECUTOR_KUBERNETES_EXISTING_NAMESPACES"
    wide = rendered({"runs": {"createNamespaces": True, "virtualClusters": ["default", "Vision_Lab"]}})
    theirs = json.loads(environments(wide)["executor"][name]["value"])
    assert theirs == [pod_names.namespace("default"), pod_names.namespace("Vision_Lab")]
    assert name not in environments(everything)["executor"], "it makes none"


def test_what_the_roles_grant_is_what_the_executor_s_code_says_that_it_uses(default: list[Document]) -> None:
    wide = rendered({"runs": {"createNamespaces": True}})
    base = granted([{"rules": rights.rules((*rights.CLUSTER, *USUAL_FIGURES, *rights.NAMESPACED))}])
    assert granted(kinds(default, "ClusterRole", "Role")) == base
    assert granted(kinds(wide, "ClusterRole", "Role")) - base == granted([{"rules": rights.rules(rights.NAMESPACES)}])
    for documents in (default, wide):
        for binding in kinds(documents, "ClusterRoleBinding", "RoleBinding"):
            [subject] = binding["subjects"]
            of_kubelets = binding["metadata"]["name"].endswith("-kubelets")
            expected = "jobyard-kubelets" if of_kubelets else "jobyard-executor"
            assert (subject["kind"], subject["name"]) == ("ServiceAccount", expected)


@pytest.mark.parametrize(("usage", "right"), [("summary", "nodes/stats"), ("cadvisor", "nodes/metrics")])
def test_kubelets_are_shown_the_token_of_an_account_that_may_ask_for_figures_and_nothing_else(
    usage: str, right: str
) -> None:
    found = rendered({"runs": {"usage": usage}})
    roles = {role["metadata"]["name"]: role for role in kinds(found, "ClusterRole")}
    assert granted([roles["yard-jobyard-kubelets"]]) == {("", right, "get")}
    assert ("", right, "get") not in granted([roles["yard-jobyard-executor"]])
    [token] = kinds(found, "Secret")
    assert token["metadata"]["annotations"] == {"kubernetes.io/service-account.name": "jobyard-kubelets"}
    accounts = {one["metadata"]["name"] for one in kinds(found, "ServiceAccount")}
    assert accounts == {"jobyard-executor", "jobyard-service", "jobyard-kubelets"}
    reading = {
        service
        for service, pod in pods(found).items()
        if {"name": "kubelets", "secret": {"secretName": "jobyard-kubelets"}} in pod["volumes"]
    }
    assert reading == {"executor"}
    [mount] = [one for one in pods(found)["executor"]["containers"][0]["volumeMounts"] if one["name"] == "kubelets"]
    file = environments(found)["executor"]["JOBYARD_EXECUTOR_KUBERNETES_KUBELET_TOKEN_FILE"]["value"]
    assert file == f"{mount['mountPath']}/token"


@pytest.mark.parametrize("runs", [{"usage": "none"}, {"kubelets": "proxied"}])
def test_without_questions_to_kubelets_there_is_no_token_for_them(runs: Values) -> None:
    found = rendered({"runs": runs})
    assert not kinds(found, "Secret")
    assert not [one for one in found if one["metadata"]["name"].endswith("-kubelets")]
    assert not [volume for volume in pods(found)["executor"]["volumes"] if volume["name"] == "kubelets"]
    assert "JOBYARD_EXECUTOR_KUBERNETES_KUBELET_TOKEN_FILE" not in environments(found)["executor"]


USAGES = get_args(KubernetesSettings.model_fields["usage"].annotation)
KUBELETS = get_args(KubernetesSettings.model_fields["kubelets"].annotation)


@pytest.mark.parametrize("kubelets", KUBELETS)
@pytest.mark.parametrize("usage", USAGES)
def test_the_executor_may_and_can_ask_those_that_say_what_runs_use_and_nobody_else(
    default: list[Document], usage: str, kubelets: str
) -> None:
    runs = {"usage": usage, "kubelets": kubelets, "prometheus": "http://prometheus.lab:9090"}
    found = rendered({"runs": runs})
    usual = granted([{"rules": rights.rules(USUAL_FIGURES)}])
    asked = granted(kinds(found, "ClusterRole", "Role")) - (granted(kinds(default, "ClusterRole", "Role")) - usual)
    direct = kubelets == "direct"
    own = {"summary": ("", "nodes/stats", "get"), "cadvisor": ("", "nodes/metrics", "get")}.get(usage)
    if own is None:
        assert asked == set()
    else:
        assert asked == ({own, ("", "nodes", "get")} if direct else {("", "nodes/proxy", "get")})
    executor, world = Party(_labels_of(found, "executor")), Party({}, here=False)
    policies = kinds(found, "NetworkPolicy")
    assert allowed(policies, executor, world, 10_250) is (own is not None and direct)
    assert allowed(policies, executor, world, 9090)
    assert not allowed(kinds(default, "NetworkPolicy"), executor, world, 9090), "there is none by default"


def test_without_namespaces_of_its_own_making_the_executor_may_only_look_beyond_those_of_the_virtual_clusters(
    default: list[Document],
) -> None:
    roles = {role["metadata"]["name"]: role for role in kinds(default, "ClusterRole")}
    wide = [roles[binding["roleRef"]["name"]] for binding in kinds(default, "ClusterRoleBinding")]
    assert {verb for _, _, verb in granted(wide)} == {"get", "list", "watch"}
    assert granted(wide) == granted([{"rules": rights.rules((*rights.CLUSTER, *USUAL_FIGURES))}])
    assert [binding["metadata"]["namespace"] for binding in kinds(default, "RoleBinding")] == ["jobyard-default"]


def test_services_reach_whom_they_speak_to_and_nobody_else_reaches_them(everything: list[Document]) -> None:
    policies = kinds(everything, "NetworkPolicy")
    parties = {service: Party(_labels_of(everything, service)) for service in SERVICES}
    parties |= {
        "nats": Party({"app": "nats"}),
        "somebody": Party({"app": "somebody"}),
        "prometheus": Party({}, here=False, namespace={"kubernetes.io/metadata.name": "monitoring"}),
        "world": Party({}, here=False),
    }
    ports = (
        *(80, 443, 587, 2222, 3000, 4222, 4318, 5000, 6443, 8080, 8081),
        *(9090, 9091, 9464, 9465, 10_250, 10_350, 27_017),
    )
    asked_outside = {
        "gateway": {443, 80, 5000, 9090},
        "metrics": {9090},
        "notify": {443, 587},
        "executor": {443, 6443, 10_350, 9091},
    }

    def reached(source: str, target: str) -> set[int]:
        return {port for port in ports if allowed(policies, parties[source], parties[target], port)}

    for service in SERVICES:
        asks = {4318} | ({27_017} if service in STORING else set()) | asked_outside.get(service, set())
        assert reached(service, "world") == asks
        assert reached(service, "nats") == asks | {4222}
        assert reached("prometheus", service) - {8080, 8081, 2222} == {9464}
        shown = {"gateway": {8080}, "endpoints": {8081, 2222}}.get(service, set())
        assert reached("world", service) == reached("somebody", service) == shown
        for other in SERVICES:
            assert reached(service, other) == ({9465} if (service, other) == ("endpoints", "executor") else set())


@pytest.mark.parametrize(
    ("values", "service", "port"),
    [
        ({"nats": {"servers": ["nats-0:4222", "nats-1:4333"]}}, "jobs", 4333),
        ({"networkPolicy": {"natsPorts": [4444]}}, "jobs", 4444),
        ({"networkPolicy": {"mongoPorts": [27_017, 27_018]}}, "notify", 27_018),
        ({"env": {"JOBYARD_OTLP_URL": "https://collector.lab"}}, "scheduler", 443),
        ({"services": {"metrics": {"env": {"JOBYARD_PROMETHEUS_URL": "http://[fd00::9]:9999/x"}}}}, "metrics", 9999),
        ({"services": {"gateway": {"env": {"JOBYARD_GATEWAY_GRAFANA_URL": "http://grafana"}}}}, "gateway", 80),
        (
            {"services": {"gateway": {"env": {"JOBYARD_GATEWAY_OIDC_ISSUER": "https://sso.lab:8443/realms/lab"}}}},
            "gateway",
            8443,
        ),
        ({"networkPolicy": {"outsidePorts": {"gateway": [5001]}}}, "gateway", 5001),
        (
            {"services": {"notify": {"env": {"JOBYARD_NOTIFY_SMTP_HOST": "mail", "JOBYARD_NOTIFY_SMTP_TLS": "none"}}}},
            "notify",
            25,
        ),
        (
            {"services": {"notify": {"env": {"JOBYARD_NOTIFY_SMTP_HOST": "mail", "JOBYARD_NOTIFY_SMTP_PORT": 2525}}}},
            "notify",
            2525,
        ),
    ],
)
def test_a_port_is_open_to_the_service_that_its_values_send_there_and_closed_without_them(
    default: list[Document], values: Values, service: str, port: int
) -> None:
    party, world = Party(_labels_of(default, service)), Party({}, here=False)
    assert not allowed(kinds(default, "NetworkPolicy"), party, world, port)
    assert allowed(kinds(rendered(values), "NetworkPolicy"), party, world, port)


def test_names_are_looked_up_by_every_service(default: list[Document]) -> None:
    policies = kinds(default, "NetworkPolicy")
    for service in SERVICES:
        party = Party(_labels_of(default, service))
        assert allowed(policies, party, Party({}, here=False), 53, "UDP")


def test_the_gateway_and_the_door_are_shown_by_https_under_names_that_they_go_by(everything: list[Document]) -> None:
    shown = {one["metadata"]["name"]: one["spec"] for one in kinds(everything, "Ingress")}
    assert {name: spec["tls"] for name, spec in shown.items()} == {
        "jobyard-gateway": [{"hosts": ["yard.example.org"], "secretName": "yard-tls"}],
        "jobyard-door": [{"hosts": ["doors.example.net"], "secretName": "doors-tls"}],
    }
    services = {one["metadata"]["name"]: one["spec"] for one in kinds(everything, "Service")}
    for spec in shown.values():
        backend = spec["rules"][0]["http"]["paths"][0]["backend"]["service"]
        ports = {port["name"]: port["targetPort"] for port in services[backend["name"]]["ports"]}
        service = services[backend["name"]]["selector"]["app.kubernetes.io/component"]
        assert ports[backend["port"]["name"]] in {
            port["name"] for port in pods(everything)[service]["containers"][0]["ports"]
        }
    found = environments(everything)
    hosts = found["gateway"]["JOBYARD_GATEWAY_TRUSTED_HOSTS"]["value"].split(",")
    assert {"yard.example.org", "jobyard-gateway", "jobyard-gateway.yard.svc"} <= set(hosts)
    assert found["gateway"]["JOBYARD_GATEWAY_TRUSTED_PROXIES"]["value"] == "10.1.0.0/16"
    for service in ("gateway", "endpoints"):
        assert found[service]["JOBYARD_ENDPOINTS_PUBLIC_URL"]["value"] == "https://doors.example.net"
    assert services["jobyard-ssh"]["type"] == "LoadBalancer"


def test_prometheus_and_grafana_find_what_is_theirs(everything: list[Document]) -> None:
    [monitor] = kinds(everything, "ServiceMonitor")
    wanted = monitor["spec"]["selector"]["matchLabels"]
    watched = [one for one in kinds(everything, "Service") if wanted.items() <= one["metadata"]["labels"].items()]
    assert [one["metadata"]["name"] for one in watched] == ["jobyard-metrics"]
    for service in SERVICES:
        assert watched[0]["spec"]["selector"].items() <= _labels_of(everything, service).items()
    [endpoint] = monitor["spec"]["endpoints"]
    assert endpoint["relabelings"] == [{"targetLabel": "job", "replacement": "jobyard"}]
    assert endpoint["authorization"]["credentials"] == {"name": "jobyard-metrics", "key": "token"}
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    rules = {one["metadata"]["name"]: one["spec"] for one in kinds(everything, "PrometheusRule")}
    for path in (CHECKOUT / "deploy" / "prometheus" / "rules").glob("*.yml"):
        assert rules.pop(f"jobyard-{path.stem}") == yaml.safe_load(path.read_text())
    assert not rules
    boards = {one["metadata"]["name"]: one for one in kinds(everything, "ConfigMap")}
    for path in (CHECKOUT / "deploy" / "grafana" / "dashboards").glob("*.json"):
        board = boards.pop(f"jobyard-{path.stem}")
        assert json.loads(board["data"][path.name]) == json.loads(path.read_text())
        assert board["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert not boards


def test_without_the_operator_or_where_it_is_not_wanted_nothing_of_its_is_made(default: list[Document]) -> None:
    assert not kinds(default, "ServiceMonitor", "PrometheusRule")
    off = {"serviceMonitor": {"enabled": False}, "rules": {"enabled": False}, "dashboards": {"enabled": False}}
    bare = rendered({"monitoring": off, "networkPolicy": {"enabled": False}, "ssh": {"enabled": False}}, *ALL)
    assert not kinds(bare, "ServiceMonitor", "PrometheusRule", "ConfigMap", "NetworkPolicy", "Ingress")
    assert {one["metadata"]["name"] for one in kinds(bare, "Service")} == {
        "jobyard-gateway",
        "jobyard-door",
        "jobyard-metrics",
    }
    assert environments(bare)["endpoints"]["JOBYARD_ENDPOINTS_SSH_PORT"]["value"] == "0"


def test_the_notes_say_that_jobs_reach_nothing_until_somebody_says_what() -> None:
    closed = "runs.reach is empty: jobs reach their own ranks and the cluster's DNS, and nothing else"
    assert closed in _notes({})
    assert closed not in _notes({"runs": {"reach": [{"cidr": "0.0.0.0/0"}]}})
    assert closed not in _notes({"runs": {"networkPolicies": False}})


def test_the_values_that_the_readme_shows_are_taken() -> None:
    shown = [one for one in _readme() if "kind" not in one]
    assert len(shown) == 3, "a lab's, and two clouds'"
    for values in shown:
        ingresses = kinds(rendered(values), "Ingress")
        assert [one["spec"]["rules"][0]["host"] for one in ingresses] == ["yard.lab", "doors.lab"]
        assert ("tls" in ingresses[0]["spec"]) is values["ingress"].get("tls", True)


def test_each_claim_that_the_readme_shows_has_a_volume_of_its_own_and_all_the_same_files() -> None:
    documents = _readme()
    claims, volumes = kinds(documents, "PersistentVolumeClaim"), kinds(documents, "PersistentVolume")
    places = [(one["metadata"]["namespace"], one["metadata"]["name"]) for one in claims]
    assert places == [("jobyard", "jobyard"), (pod_names.namespace("default"), "jobyard")]
    by_name = {one["metadata"]["name"]: one["spec"] for one in volumes}
    tied = [by_name.pop(one["spec"]["volumeName"]) for one in claims]
    assert not by_name and len({json.dumps(one["nfs"], sort_keys=True) for one in tied}) == 1
    for claim, volume, (namespace, name) in zip(claims, tied, places, strict=True):
        assert volume["claimRef"] == {"namespace": namespace, "name": name}
        assert claim["spec"]["storageClassName"] == volume["storageClassName"] == ""
        assert claim["spec"]["accessModes"] == volume["accessModes"] == ["ReadWriteMany"]


def test_the_readme_finds_pods_of_jobs_by_the_label_that_they_have() -> None:
    shown = set(re.findall(r"--selector (\S+)", (CHART / "README.md").read_text()))
    assert shown == {f"{pod_names.MANAGED_BY}={pod_names.JOBYARD}"}


def test_releases_of_other_names_do_not_meet() -> None:
    one, another = ({(each["kind"], each["metadata"]["name"]) for each in named} for named in map(_named, ("a", "b")))
    assert {kind for kind, _ in one & another} == {"Namespace"}, "virtual clusters are the cluster's"


def _is_secret(each: Document) -> bool:
    return "secretKeyRef" in each.get("valueFrom", {})


def _let_read(monkeypatch: pytest.MonkeyPatch, environment: dict[str, Document]) -> None:
    """What the backend reads of this environment is there."""
    for name, each in environment.items():
        if name.startswith("JOBYARD_EXECUTOR_KUBERNETES_"):
            monkeypatch.setenv(name, each["value"])


def _labels_of(documents: list[Document], service: str) -> dict[str, str]:
    labels: dict[str, str] = workloads(documents)[service]["spec"]["template"]["metadata"]["labels"]
    return labels


def _readme() -> list[Document]:
    """Every piece of YAML in it."""
    pieces = re.findall(r"^```yaml\n(.*?)^```$", (CHART / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    return [document for piece in pieces for document in yaml.safe_load_all(piece)]


def _notes(values: Values) -> str:
    """What an install would say at its end."""
    given = merged(NEEDED, values)
    said = helm("install", "jobyard", CHART, "--dry-run=client", "--namespace", "yard", values=given)
    return said.partition("NOTES:")[2]


def _named(name: str) -> list[Document]:
    return rendered({"fullnameOverride": name})
