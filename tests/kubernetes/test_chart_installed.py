"""The Helm chart on the real cluster: taken by its API server, installed, used, upgraded, and removed without a loss.

The tests stand in the order of an installation's life, and share one.
"""

import asyncio
import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from shared.bus.bus import connect
from shared.contracts.errors import Refusal
from shared.streams.client import RunAt, Streams
from tests.support.kubernetes import trial
from tests.support.kubernetes.audit import granted, used
from tests.support.kubernetes.cluster import PROGRAMS_OF_A_NODE, own
from tests.support.kubernetes.helm import CHART, MONITORING, rendered
from tests.support.kubernetes.installation import SERVICES, Installation, is_ready
from tests.support.kubernetes.programs import needs_programs
from tests.support.kubernetes.services_image import services_image
from tests.support.waiting import seen, wait_until

needs_programs("helm", *PROGRAMS_OF_A_NODE)

pytestmark = pytest.mark.timeout(900)
"""Eight services start three times."""

WAIT_FOR_GO = "while [ ! -e go ]; do sleep 0.2; done"
PORT = 8888
SERVE = f"python3 -m http.server {PORT} 2> /dev/null"
MERGE = {"Content-Type": "application/merge-patch+json"}
BOUNDED = {"runs": {"quotas": {"default": {"pods": 100}}, "domain": "cluster.local"}}
CHANGED = {
    "runs": {"createNamespaces": True, "networkPolicies": False},
    "services": {name: {"env": {"JOBYARD_LOG_LEVEL": "debug"}} for name in ("gateway", "jobs", "logs")},
}
"""What an upgrade changes: of some services the pods, of the executor its rights, and what bounds its runs, as well."""
ELSEWHERE = {
    ("", "services", "delete"): (
        "test_fences.py::test_ranks_of_a_run_may_speak_with_one_another_and_meet_by_name_and_nothing_of_that_is_left"
    ),
    ("", "secrets", "patch"): "test_trouble.py::test_what_a_secret_was_before_it_was_rotated_is_masked_too",
    ("", "events", "list"): (
        "test_images.py::test_a_pods_image_is_pulled_by_its_digest_with_a_secret_that_goes_with_the_run"
    ),
    ("", "nodes", "get"): "test_usage.py::test_the_right_to_figures_is_all_that_it_takes_to_get_them",
    ("", "nodes/stats", "get"): (
        "test_usage.py::test_a_kubelet_tells_whoever_has_the_right_to_figures_alone_and_was_shown_no_other_token"
    ),
}
"""Rights that nothing here may need, and which test does: of a run of several ranks that was forgotten, ten minutes
after its end, of a pod that was not made after its Secret was, of pods that wait for their image, and of runs that live
long enough to be measured, which kubelets ask for."""


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Prepared, not installed."""
    folder: Path = tmp_path_factory.mktemp("chart")
    cluster = own()
    image = services_image(folder)
    cluster.nodes["node-1"].take(image)
    image.unlink()
    yard = Installation(cluster, folder)
    try:
        trial.know_the_operator(yard.api)
        yard.prepare()
        yield yard
    finally:
        trial.forget_the_operator(yard.api)
        yard.close()


@pytest.fixture(scope="module")
def installed(yard: Installation) -> Installation:
    yard.install(BOUNDED)
    return yard


def test_each_right_that_an_installation_need_not_use_is_used_by_a_test_that_there_is() -> None:
    for file, name in (test.split("::") for test in ELSEWHERE.values()):
        assert f"async def {name}(" in Path(__file__).with_name(file).read_text()


def test_the_api_server_takes_every_manifest_of_every_form_and_knows_each_of_its_fields(yard: Installation) -> None:
    known = [argument for kind in MONITORING for argument in ("--api-versions", kind)]
    ways: list[dict[str, Any]] = [
        {"runs": {"createNamespaces": True, "usage": "none"}},
        {
            "runs": {"kubelets": "proxied", "prometheus": "http://prometheus.monitoring:9090"},
            "registries": {"asked": ["docker.io", "http://mirror.lab:5000"], "networks": ["10.0.0.0/8"]},
            "ingress": {
                "enabled": True,
                "className": "nginx",
                "host": "a.lab",
                "tlsSecret": "a",
                "doorHost": "b.lab",
                "doorTlsSecret": "b",
                "proxies": ["10.1.0.0/16"],
            },
            "authority": {"configMap": "lab-ca"},
            "metricsToken": {"secret": "jobyard-metrics"},
            "storage": {"subPath": "jobs", "more": {"/data": {"claim": "datasets"}}},
            "env": {"JOBYARD_OTLP_URL": "http://collector:4318"},
            "pods": {
                "tolerations": [{"key": "services", "operator": "Exists"}],
                "nodeSelector": {"role": "services"},
                "affinity": {"nodeAffinity": {}},
            },
            "ssh": {"type": "LoadBalancer"},
            "networkPolicy": {"visitorPeers": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]},
        },
    ]
    for more in ways:
        runs = {"namespacePrefix": yard.prefix, **more.get("runs", {})}
        values = {"fullnameOverride": "dry", **more, "runs": runs}
        documents = rendered(values, *known, namespace=yard.namespace)
        assert {"ServiceMonitor", "PrometheusRule", "NetworkPolicy"} <= {one["kind"] for one in documents}
        assert trial.refusals(yard.api, documents) == []
    unknown = documents[0] | {"sepc": {}}
    assert "sepc" in trial.refusals(yard.api, [unknown])[0], "an unknown field would be refused"


def test_every_service_is_ready_in_a_namespace_of_the_restricted_level(installed: Installation) -> None:
    for service in SERVICES:
        [pod] = installed.pods(service)
        wait_until(partial(_is_ready, installed, service), f"{service} is ready")
        assert pod["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"]
    namespace = installed.api.get(f"/api/v1/namespaces/{installed.namespace}").json()
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    monitors = f"/apis/monitoring.coreos.com/v1/namespaces/{installed.namespace}/servicemonitors"
    assert [one["metadata"]["name"] for one in installed.items(monitors)] == ["jobyard"]


def test_the_cluster_gives_a_token_to_show_to_kubelets(installed: Installation) -> None:
    path = f"/api/v1/namespaces/{installed.namespace}/secrets/jobyard-kubelets"
    wait_until(lambda: "token" in installed.api.get(path).json().get("data", {}), "the Secret has a token")


def test_the_gateway_shows_the_console(installed: Installation) -> None:
    page = installed.http.get(f"{installed.url()}/")
    assert page.status_code == 200
    assert "<!doctype html>" in page.text.lower()


def test_a_job_that_is_submitted_through_the_gateway_finishes_in_a_pod_of_its_own(installed: Installation) -> None:
    job = installed.submit("echo in $(hostname)")
    installed.reaches(job, "finished")
    assert f"in job-{job.lower()}-a1-r0" in installed.console(job)


def test_ranks_of_a_job_meet_under_a_name_and_are_bounded_by_quota_and_policies(installed: Installation) -> None:
    job = installed.submit(f"echo $RANK of $WORLD_SIZE; {WAIT_FOR_GO}", nodes=2)
    installed.reaches(job, "running")
    assert {kind for kind, _ in _bounds(installed)} == {"networkpolicies", "resourcequotas"}
    assert installed.items(f"/api/v1/namespaces/{installed.runs}/services")
    (installed.job_path(job) / "go").touch()
    installed.reaches(job, "finished")
    assert "0 of 2" in installed.console(job) and "1 of 2" in installed.console(job)


def test_a_program_in_a_pod_is_reached_from_another_pod_s_place_through_the_executor(installed: Installation) -> None:
    job = installed.submit(SERVE)
    installed.reaches(job, "running")
    wait_until(lambda: asyncio.run(_answers(installed, job)), "the program in the pod answers")
    assert installed.call("POST", f"/api/v1/jobs/{job}/kill").status_code == 202
    installed.reaches(job, "killed")


def test_a_pod_that_somebody_deletes_costs_its_job_an_attempt(installed: Installation) -> None:
    job = installed.submit(WAIT_FOR_GO)
    installed.reaches(job, "running")
    path = f"/api/v1/namespaces/{installed.runs}/pods/job-{job.lower()}-a1-r0"
    installed.api.patch(path, json={"metadata": {"finalizers": None}}, headers=MERGE).raise_for_status()
    installed.api.request("DELETE", path, json={"gracePeriodSeconds": 0}).raise_for_status()
    (installed.job_path(job) / "go").touch()
    installed.reaches(job, "finished")
    assert installed.job(job)["attempt"] == 2


def test_an_upgrade_starts_what_has_changed_and_no_job_notices(installed: Installation) -> None:
    answer = installed.call("PUT", "/api/v1/me/secrets/CANARY", json={"value": "a-canary-of-the-tests"})
    assert answer.status_code == 201, answer.text
    job = installed.submit(f"echo before $TOKEN; {WAIT_FOR_GO}; echo after $TOKEN", env={"TOKEN": {"secret": "CANARY"}})
    installed.reaches(job, "running")
    before = {service: installed.pods(service)[0]["metadata"]["uid"] for service in SERVICES}
    metadata = {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}
    installed.api.patch(f"/api/v1/namespaces/{installed.runs}", json={"metadata": metadata}, headers=MERGE)
    installed.install(CHANGED)
    after = {service: _living(installed, service)["metadata"]["uid"] for service in SERVICES}
    assert {service for service in SERVICES if before[service] != after[service]} == {
        "gateway",
        "jobs",
        "logs",
        "executor",
    }
    (installed.job_path(job) / "go").touch()
    installed.reaches(job, "finished")
    assert installed.job(job)["attempt"] == 1
    console = installed.console(job)
    assert "before ***" in console and "after ***" in console and "canary" not in console
    another = installed.submit("echo on")
    installed.reaches(another, "finished")
    level = installed.api.get(f"/api/v1/namespaces/{installed.runs}").json()["metadata"]["labels"]
    assert level["pod-security.kubernetes.io/enforce"] == "restricted", "the executor's to hold now"
    wait_until(lambda: not _bounds(installed), "what bounded the runs has gone")


def test_a_virtual_cluster_that_nobody_has_prepared_gets_its_namespace(installed: Installation) -> None:
    answer = installed.call("POST", "/api/v1/vcs", json={"name": "research"})
    assert answer.status_code == 201, answer.text
    answer = installed.call("PATCH", "/api/v1/users/admin", json={"vcs": {"research": "member"}})
    assert answer.status_code == 200, answer.text
    body = {"name": "first", "command": "true", "vc": "research"}
    answer = seen(
        lambda: installed.call("POST", "/api/v1/jobs", json=body),
        lambda answer: answer.status_code == 201,
        "the gateway has heard of it",
    )
    job = answer.json()["id"]
    path = f"/api/v1/namespaces/{installed.prefix}research"
    made = seen(lambda: installed.api.get(path), lambda answer: answer.status_code == 200, "its namespace is made")
    assert made.json()["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert installed.call("POST", f"/api/v1/jobs/{job}/kill").status_code == 202
    installed.reaches(job, "killed")


def test_nothing_was_granted_that_the_executor_did_not_use_and_nothing_that_it_asked_for_was_refused(
    installed: Installation,
) -> None:
    roles = installed.items(
        "/apis/rbac.authorization.k8s.io/v1/clusterroles", labelSelector="app.kubernetes.io/instance=jobyard"
    )
    mine = [role for role in roles if role["metadata"]["name"].startswith(f"{installed.namespace}-jobyard-")]
    assert len(mine) == 3
    uses, refused = used(installed.audit, installed.account)
    assert refused == []
    assert granted(mine) - uses <= ELSEWHERE.keys(), "a right that nobody needs"
    assert uses - granted(mine) == set(), "a right that somebody else gave"


def test_no_other_service_asks_the_api_server_for_anything(installed: Installation) -> None:
    other = installed.account.replace("-executor", "-service")
    assert used(installed.audit, other) == (set(), [])


@pytest.mark.parametrize(
    ("verbs", "status"), [(["get"], 403), (["create"], 403), (["create", "get"], 404)], ids=["get", "create", "both"]
)
def test_a_websocket_into_a_pod_needs_both_verbs(yard: Installation, verbs: list[str], status: int) -> None:
    person = f"somebody-who-may-{'-and-'.join(verbs)}"
    roles = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{yard.namespace}"
    named = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": person}}
    rule = {"apiGroups": [""], "resources": ["pods/exec"], "verbs": verbs}
    yard.create(f"{roles}/roles", {**named, "kind": "Role", "rules": [rule]})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": person}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": person}
    yard.create(f"{roles}/rolebindings", {**named, "kind": "RoleBinding", "roleRef": role, "subjects": [subject]})
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Protocol": "v5.channel.k8s.io",
        "Impersonate-User": person,
    }
    path = f"/api/v1/namespaces/{yard.namespace}/pods/no-such-pod/exec?command=true&stdout=true"

    def answered() -> bool:  # the authorizer hears of a new role a moment later
        return bool(yard.api.get(path, headers=headers).status_code == status)

    wait_until(answered, f"the API server answers {status}")


def test_after_an_uninstall_and_an_install_every_job_is_there_and_those_that_ran_went_on(
    installed: Installation,
) -> None:
    done = installed.submit("echo done")
    installed.reaches(done, "finished")
    running = installed.submit(f"echo before; {WAIT_FOR_GO}; echo after; touch ended")
    installed.reaches(running, "running")
    installed.uninstall()
    claims = f"/api/v1/namespaces/{installed.namespace}/persistentvolumeclaims"
    kept = {one["metadata"]["name"] for one in installed.items(claims)}
    assert kept == {"data-jobyard-executor-0", "data-jobyard-logs-0", "jobyard"}
    (installed.job_path(running) / "go").touch()
    wait_until((installed.job_path(running) / "ended").exists, "its job has gone on without it")
    installed.install(CHANGED)
    assert installed.job(done)["status"] == "finished"
    assert "done" in installed.console(done)
    installed.reaches(running, "finished")
    assert installed.job(running)["attempt"] == 1
    assert "before" in installed.console(running) and "after" in installed.console(running)


def test_a_namespace_that_pods_keep_without_an_executor_is_freed_as_the_readme_says(installed: Installation) -> None:
    job = installed.submit(WAIT_FOR_GO)
    installed.reaches(job, "running")
    installed.uninstall()
    namespace = f"/api/v1/namespaces/{installed.runs}"
    installed.api.delete(namespace).raise_for_status()
    found = partial(installed.items, f"{namespace}/pods", labelSelector=_freeing("--selector (\\S+)"))
    kept = seen(
        lambda: [pod for pod in found() if pod["metadata"].get("finalizers")],
        lambda pods: pods and all("deletionTimestamp" in pod["metadata"] and _has_ended(pod) for pod in pods),
        "pods have ended, and stay, as nobody has stored how",
    )
    assert installed.api.get(namespace).json()["status"]["phase"] == "Terminating"
    for pod in kept:
        path = f"{namespace}/pods/{pod['metadata']['name']}"
        installed.api.patch(path, json=json.loads(_freeing("--patch '(.+)'")), headers=MERGE).raise_for_status()
    wait_until(lambda: installed.api.get(namespace).status_code == 404, "the namespace is gone")


async def _answers(installed: Installation, job: str) -> bool:
    """Whether the program in the job's pod does, as the endpoints service asks it: at the executor's own address."""
    async with connect(installed.nats.url, "tests") as bus:
        try:
            connection = await Streams(bus, 10).dial(RunAt(job, 1, "cluster"), PORT)
        except Refusal as refusal:
            if refusal.details.get("code") != "not_listening":
                raise
            return False
        with connection:
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(connection, b"GET / HTTP/1.0\r\n\r\n")
            return (await loop.sock_recv(connection, 64)).startswith(b"HTTP/1.0 200")


def _bounds(installed: Installation) -> set[tuple[str, str]]:
    """What the executor has put around the virtual cluster: kind and name."""
    groups = {"networkpolicies": "apis/networking.k8s.io/v1", "resourcequotas": "api/v1"}
    there = {kind: installed.items(f"/{group}/namespaces/{installed.runs}/{kind}") for kind, group in groups.items()}
    mine = {(kind, one["metadata"]["name"]) for kind, found in there.items() for one in found}
    return {(kind, name) for kind, name in mine if name.startswith("jobyard-")}


def _freeing(what: str) -> str:
    """A part of the lines by which the README frees a namespace."""
    [lines] = re.findall(r"kubectl get pod .+ \|\n.+ kubectl patch .+", (CHART / "README.md").read_text())
    [part] = re.findall(what, lines)
    return str(part)


def _has_ended(pod: dict[str, Any]) -> bool:
    return pod["status"]["phase"] in ("Succeeded", "Failed")


def _is_ready(installed: Installation, service: str) -> bool:
    return all(map(is_ready, installed.pods(service)))


def _living(installed: Installation, service: str) -> dict[str, Any]:
    """The pod of the service that is not on its way out."""
    [pod] = [one for one in installed.pods(service) if "deletionTimestamp" not in one["metadata"]]
    return pod
