"""A rank as a pod: what an order says gets where it belongs, and nowhere that asks for more."""

import base64
import json
import re
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from services.executor.backends.kubernetes.layout import Layout, Storage, Unplaceable
from services.executor.backends.kubernetes.logins import login_secret
from services.executor.backends.kubernetes.manifest import pod, tombstone
from services.executor.backends.protocol import Folders
from services.executor.domain import pod_names as names
from services.executor.domain.cluster_nodes import Kind
from shared.contracts.commands.secrets import RegistryLogin
from shared.ids import new_id
from tests.support.executor_backend import order_of

JOBS, DATA = Path("/srv/jobs"), Path("/srv/data")
LAYOUT = Layout(
    executor="cluster",
    image="lab/base:1",
    storages=(Storage(PurePosixPath("/srv"), "all"), Storage(PurePosixPath("/srv/jobs"), "jobs", "yard")),
    device_types={"v100": Kind("nvidia.com/gpu")},
)


def made(layout: Layout = LAYOUT, **changes: Any) -> dict[str, Any]:
    order = order_of(f"{new_id()}.2-3", ("/bin/sh", "-c", "echo $HOME $(id) $$"), JOBS / "a", grace_s=1.2)
    return pod(replace(order, **changes), layout)


def container(document: dict[str, Any]) -> dict[str, Any]:
    return document["spec"]["containers"][0]  # type: ignore[no-any-return]


def test_its_name_says_the_job_the_attempt_and_the_rank_and_its_namespace_the_virtual_cluster() -> None:
    document = made(vc="lab")
    meta = document["metadata"]
    run = meta["annotations"][names.RUN]
    assert meta["name"] == f"job-{run.partition('.')[0].lower()}-a2-r3"
    assert meta["namespace"] == "jobyard-lab"


@pytest.mark.parametrize("vc", ["lab", "Lab", "LAB", "la_b", "la-b", "lab-", "x" * 63, "X" * 63, "_", "9"])
def test_every_virtual_cluster_has_a_namespace_of_its_own_that_is_a_dns_label(vc: str) -> None:
    name = names.namespace(vc)
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name), name
    others = {"lab", "Lab", "LAB", "la_b", "la-b", "lab-", "x" * 63, "X" * 63, "_", "9"} - {vc}
    assert name not in {names.namespace(other) for other in others}


def test_it_satisfies_the_restricted_level() -> None:
    for document in (made(), tombstone(order_of(f"{new_id()}.1", (), JOBS, 1), LAYOUT)):
        spec, context = document["spec"], container(document)["securityContext"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert (context["allowPrivilegeEscalation"], context["capabilities"]) == (False, {"drop": ["ALL"]})
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        assert all("hostPath" not in volume for volume in spec.get("volumes", ()))


def test_kubernetes_puts_nothing_in_place_of_what_a_command_or_a_variable_says() -> None:
    document = made(env={"PATH": "$(HOME)", "PRICE": "5$$"})
    assert container(document)["command"][-1] == "echo $$HOME $$(id) $$$$"
    values = {each["name"]: each["value"] for each in container(document)["env"]}
    assert values == {"PATH": "$$(HOME)", "PRICE": "5$$$$"}


def test_each_folder_is_mounted_once_from_the_claim_with_the_longest_prefix_and_data_cannot_be_written() -> None:
    folders = Folders(JOBS / "a", JOBS / "a" / "checkpoints", JOBS / "code", DATA / "set", JOBS / "a.jsonl")
    document = made(folders=folders)
    mounts = {mount["mountPath"]: mount for mount in container(document)["volumeMounts"]}
    claims = {volume["name"]: volume.get("persistentVolumeClaim") for volume in document["spec"]["volumes"]}
    assert set(mounts) == {"/dev/shm", "/srv/jobs/a", "/srv/jobs/code", "/srv/data/set"}
    assert claims[mounts["/srv/jobs/a"]["name"]] == {"claimName": "jobs"}
    assert mounts["/srv/jobs/a"]["subPath"] == "yard/a"
    assert claims[mounts["/srv/data/set"]["name"]] == {"claimName": "all"}
    assert [path for path, mount in mounts.items() if mount.get("readOnly")] == ["/srv/data/set"]


def test_a_folder_that_lies_on_no_storage_is_refused_and_named() -> None:
    with pytest.raises(Unplaceable) as refusal:
        made(folders=Folders(Path("/home/a"), Path("/home/a"), Path("/home/a"), None, Path("/home/a")))
    assert refusal.value.code == "path_unmapped"
    assert "/home/a" in refusal.value.message


def test_devices_are_asked_for_by_the_clusters_name_and_shown_by_its_plugin() -> None:
    env = {"CUDA_VISIBLE_DEVICES": "0,1", "X": "1"}
    document = made(device_type="v100", devices=(0, 1), cpus=2.5, memory_mib=512, env=env)
    amounts = {"cpu": "2500m", "memory": "512Mi", "nvidia.com/gpu": "2"}
    assert container(document)["resources"] == {"requests": amounts, "limits": amounts}
    assert [each["name"] for each in container(document)["env"]] == ["X"]


def test_a_device_type_that_no_operator_has_named_is_refused() -> None:
    with pytest.raises(Unplaceable) as refusal:
        made(device_type="a100", devices=(0,))
    assert refusal.value.code == "devices_unknown"


def test_processors_may_be_left_without_a_limit_and_memory_never() -> None:
    resources = container(made(replace(LAYOUT, limit_cpus=False), cpus=1.0, memory_mib=64))["resources"]
    assert resources == {"requests": {"cpu": "1000m", "memory": "64Mi"}, "limits": {"memory": "64Mi"}}


def test_it_is_pinned_to_the_node_by_the_clusters_own_name() -> None:
    affinity = made(node="gpu-7_lab")["spec"]["affinity"]["nodeAffinity"]
    [term] = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert term["matchFields"] == [{"key": "metadata.name", "operator": "In", "values": ["gpu-7.lab"]}]


def test_rank_0_learns_its_address_where_it_starts_and_the_others_are_told() -> None:
    env = {"MASTER_ADDR": "127.0.0.1"}
    first = container(made(rank=0, ranks=2, env=env))["env"]
    assert first == [{"name": "MASTER_ADDR", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]
    assert container(made(rank=1, ranks=2, env={"MASTER_ADDR": "10.0.0.9"}))["env"][0]["value"] == "10.0.0.9"
    assert container(made(rank=0, ranks=1, env=env))["env"][0]["value"] == "127.0.0.1"


def test_grace_periods_are_whole_seconds_and_never_none() -> None:
    assert made(grace_s=1.2)["spec"]["terminationGracePeriodSeconds"] == 2
    assert made(grace_s=0)["spec"]["terminationGracePeriodSeconds"] == 1


def test_what_its_image_is_pulled_with_is_named_and_stands_in_a_secret_of_its_own() -> None:
    login = RegistryLogin(registry="registry.lab:5000", username="robot", password="canary-7f3e")
    layout = replace(LAYOUT, pull_secrets=("operators",))
    document = made(layout, login=login)
    name = f"{document['metadata']['name']}-pull"
    assert document["spec"]["imagePullSecrets"] == [{"name": "operators"}, {"name": name}]
    assert "canary-7f3e" not in json.dumps(document)
    secret = login_secret(document, login, {"kind": "ConfigMap"})
    assert (secret["metadata"]["name"], secret["type"]) == (name, "kubernetes.io/dockerconfigjson")
    config = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))
    assert base64.b64decode(config["auths"]["registry.lab:5000"]["auth"]) == b"robot:canary-7f3e"
    assert names.LOGIN not in made(layout)["metadata"]["annotations"]
