"""A rank as a pod: what an order says gets where it belongs, and nowhere that asks for more."""

import base64
import json
import re
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from services.executor.backends.kubernetes.layout import Layout, Share, Storage, Unplaceable
from services.executor.backends.kubernetes.logins import login_secret
from services.executor.backends.kubernetes.manifest import pod, tombstone
from services.executor.backends.protocol import Folders
from services.executor.domain import pod_names as names
from services.executor.domain.cluster_nodes import Kind
from services.executor.domain.container_devices import NVIDIA_EXTRAS, withheld
from services.executor.domain.pod_shell import SHELL
from shared.contracts.commands.secrets import RegistryLogin
from shared.contracts.job import GIVES_DEVICES
from shared.ids import new_id
from tests.support.executor_backend import order_of

JOBS, DATA = Path("/srv/jobs"), Path("/srv/data")
LAYOUT = Layout(
    executor="cluster",
    image="lab/base:1",
    storages=(Storage(PurePosixPath("/srv"), "all"), Storage(PurePosixPath("/srv/jobs"), "jobs", "yard")),
    device_types={"v100": Kind("nvidia.com/gpu")},
)
ONE_GPU: dict[str, Any] = {"device_type": "v100", "devices": (0,)}


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


def test_an_image_comes_from_the_registries_that_operators_allow_and_their_own_from_anywhere() -> None:
    layout = replace(LAYOUT, registries=("docker.io",))
    assert container(made(layout))["image"] == "docker.io/lab/base:1"
    assert container(made(layout, image="python:3"))["image"] == "docker.io/library/python:3"
    with pytest.raises(Unplaceable, match="JOBYARD_EXECUTOR_REGISTRIES") as refusal:
        made(layout, image="169.254.169.254/x:1")
    assert refusal.value.reason.code == "registry_forbidden"


def test_it_satisfies_the_restricted_level() -> None:
    for document in (made(), tombstone(order_of(f"{new_id()}.1", (), JOBS, 1), LAYOUT)):
        spec, context = document["spec"], container(document)["securityContext"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert (context["allowPrivilegeEscalation"], context["capabilities"]) == (False, {"drop": ["ALL"]})
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        assert all("hostPath" not in volume for volume in spec.get("volumes", ()))


def test_no_image_says_of_which_groups_a_run_is_unless_an_operator_lets_it() -> None:
    assert made()["spec"]["securityContext"]["supplementalGroupsPolicy"] == "Strict"
    merged = made(replace(LAYOUT, image_groups=True))
    assert merged["spec"]["securityContext"]["supplementalGroupsPolicy"] == "Merge"


def test_kubernetes_puts_nothing_in_place_of_what_a_command_or_a_variable_says() -> None:
    document = made(env={"PATH": "$(HOME)", "PRICE": "5$$"})
    assert container(document)["command"][-1] == "echo $$HOME $$(id) $$$$"
    values = {each["name"]: each["value"] for each in container(document)["env"]}
    assert values == {"PATH": "$$(HOME)", "PRICE": "5$$$$", **withheld(None)}


def test_no_variable_gives_a_pod_devices_that_it_was_not_placed_with() -> None:
    tries = dict.fromkeys(GIVES_DEVICES, "all") | {"NVIDIA_MOFED": "enabled"}
    without = {each["name"]: each["value"] for each in container(made(env=tries))["env"]}
    extras = dict.fromkeys(NVIDIA_EXTRAS, "")
    assert without == {"NVIDIA_VISIBLE_DEVICES": "void", "ASCEND_VISIBLE_DEVICES": "", **extras}
    placed = {each["name"]: each["value"] for each in container(made(env=tries, **ONE_GPU))["env"]}
    assert placed == {"ASCEND_VISIBLE_DEVICES": "", **extras}, "its plugin says the other one"
    hidden = container(made(env=tries, hidden=("all",)))["env"]
    assert {each["name"]: each.get("value") for each in hidden} == without


def test_what_plugins_give_beside_gpus_is_theirs_to_say_where_an_operator_says_so() -> None:
    layout = replace(LAYOUT, plugins_say=("NVIDIA_GDS",))
    placed = {each["name"] for each in container(made(layout, env={}, **ONE_GPU))["env"]}
    assert placed == {"ASCEND_VISIBLE_DEVICES", *NVIDIA_EXTRAS} - {"NVIDIA_GDS"}
    assert container(made(layout, env={}))["env"] == container(made(env={}))["env"], "no GPU"


def test_in_an_image_without_a_shell_it_is_what_the_job_says_and_nothing_of_ours() -> None:
    folders = Folders(JOBS / "a", JOBS / "a" / "checkpoints", JOBS / "code", None, JOBS / "a.jsonl")
    order = replace(order_of(f"{new_id()}.1", ("/train", "$(HOME)"), JOBS / "a", grace_s=1.2), folders=folders)
    document = pod(order, LAYOUT, direct=True)
    own = container(document)
    assert (own["command"], own["workingDir"]) == (["/train", "$$(HOME)"], "/srv/jobs/code")
    assert not {"args", "lifecycle"} & set(own)
    assert SHELL not in json.dumps(document)
    assert document["metadata"]["annotations"][names.SHELL_USE] == "none"
    assert {"name": "HOME", "value": "/srv/jobs/a"} in own["env"]
    at_home = container(pod(replace(order, env={"HOME": "/mine"}), LAYOUT, direct=True))
    assert [each["value"] for each in at_home["env"] if each["name"] == "HOME"] == ["/mine"]
    assert document["spec"]["terminationGracePeriodSeconds"] == 2


def test_a_pod_says_what_it_has_a_shell_for() -> None:
    uses = {(("/train",), 1): "scripts", (("/bin/sh", "-c", "train"), 1): "line", (("/train",), 2): "ranks"}
    for (argv, ranks), use in uses.items():
        assert made(argv=argv, ranks=ranks, rank=0)["metadata"]["annotations"][names.SHELL_USE] == use


def test_each_folder_is_mounted_once_from_the_claim_with_the_longest_prefix_and_data_cannot_be_written() -> None:
    folders = Folders(JOBS / "a", JOBS / "a" / "checkpoints", JOBS / "code", DATA / "set", JOBS / "a.jsonl")
    document = made(folders=folders)
    mounts = {mount["mountPath"]: mount for mount in container(document)["volumeMounts"]}
    claims = {volume["name"]: volume.get("persistentVolumeClaim") for volume in document["spec"]["volumes"]}
    assert set(mounts) == {"/dev/shm", "/run/jobyard", "/srv/jobs/a", "/srv/jobs/code", "/srv/data/set"}
    assert claims[mounts["/srv/jobs/a"]["name"]] == {"claimName": "jobs"}
    assert mounts["/srv/jobs/a"]["subPath"] == "yard/a"
    assert claims[mounts["/srv/data/set"]["name"]] == {"claimName": "all"}
    assert [path for path, mount in mounts.items() if mount.get("readOnly")] == ["/srv/data/set"]


@pytest.mark.parametrize("name", ["work", "job", "checkpoints"])
def test_nobody_gets_a_whole_storage_but_to_read_it(name: str) -> None:
    folders = Folders(JOBS / "a", JOBS / "a", JOBS / "a", JOBS, JOBS / "a.jsonl")
    mounts = {mount["mountPath"]: mount for mount in container(made(folders=folders))["volumeMounts"]}
    assert mounts["/srv/jobs"]["readOnly"] is True
    with pytest.raises(Unplaceable, match="data_path") as refusal:
        made(folders=replace(folders, **{name: JOBS}))
    assert (refusal.value.reason.code, refusal.value.reason.details) == ("path_whole", {"path": "/srv/jobs"})


@pytest.mark.parametrize("work", ["/srv/data", "/srv/data/set", "/srv/jobs/team", "/srv/jobs/team/data"])
def test_nobody_writes_into_or_around_what_is_only_to_be_read(work: str) -> None:
    storages = (
        Storage(JOBS, "jobs"),
        Storage(Path("/srv/data"), "sets", read_only=True),
        Storage(JOBS / "team/data", "jobs", "team/data", read_only=True),
    )
    layout = replace(LAYOUT, storages=storages)
    folders = Folders(JOBS / "a", JOBS / "a", JOBS / "a", Path("/srv/data/set"), JOBS / "a.jsonl")
    document = made(layout, folders=folders)
    claims = [each["persistentVolumeClaim"] for each in document["spec"]["volumes"] if "persistentVolumeClaim" in each]
    assert claims == [{"claimName": "sets", "readOnly": True}, {"claimName": "jobs"}]
    with pytest.raises(Unplaceable, match=f"No job may write .* the folder {work} lies") as refusal:
        made(layout, folders=replace(folders, work=Path(work)))
    assert refusal.value.reason.code == "path_read_only"
    assert made(layout, folders=replace(folders, data=Path(work)))


def test_a_folder_that_lies_on_no_storage_is_refused_and_named() -> None:
    with pytest.raises(Unplaceable) as refusal:
        made(folders=Folders(Path("/home/a"), Path("/home/a"), Path("/home/a"), None, Path("/home/a")))
    assert refusal.value.reason.code == "path_unmapped"
    assert "/home/a" in refusal.value.reason.message


def test_devices_are_asked_for_by_the_clusters_name_and_shown_by_its_plugin() -> None:
    env = {"CUDA_VISIBLE_DEVICES": "0,1", "X": "1"}
    document = made(device_type="v100", devices=(0, 1), cpus=2.5, memory_mib=512, env=env)
    amounts = {"cpu": "2500m", "memory": "512Mi", "nvidia.com/gpu": "2"}
    assert container(document)["resources"] == {"requests": amounts, "limits": amounts}
    assert [each["name"] for each in container(document)["env"]] == ["X", *withheld("nvidia.com/gpu")]


def test_a_job_without_an_image_is_refused_in_words_where_no_default_is_set() -> None:
    bare = replace(LAYOUT, image="")
    with pytest.raises(Unplaceable) as refusal:
        made(bare, image=None)
    assert refusal.value.reason.code == "no_image"
    assert "Submit the job with an image" in refusal.value.reason.message
    assert container(made(bare, image="own:1"))["image"] == "docker.io/library/own:1"
    assert container(made(image=None))["image"] == f"docker.io/{LAYOUT.image}"


def test_a_device_type_that_no_operator_has_named_is_refused() -> None:
    with pytest.raises(Unplaceable) as refusal:
        made(device_type="a100", devices=(0,))
    assert refusal.value.reason.code == "devices_unknown"


def test_processors_may_be_left_without_a_limit_and_memory_never() -> None:
    resources = container(made(replace(LAYOUT, limit_cpus=False), cpus=1.0, memory_mib=64))["resources"]
    assert resources == {"requests": {"cpu": "1000m", "memory": "64Mi"}, "limits": {"memory": "64Mi"}}


def test_it_is_pinned_to_the_node_by_the_clusters_own_name() -> None:
    affinity = made(node="gpu-7_lab")["spec"]["affinity"]["nodeAffinity"]
    [term] = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert term["matchFields"] == [{"key": "metadata.name", "operator": "In", "values": ["gpu-7.lab"]}]


ADDRESS = {"fieldRef": {"fieldPath": "status.podIP"}}


def test_rank_0_learns_its_address_where_it_starts_and_the_others_are_told_once_it_is_there() -> None:
    env = {"MASTER_ADDR": "127.0.0.1"}
    for layout in (LAYOUT, replace(LAYOUT, domain="cluster.local")):
        first, second = (container(made(layout, rank=rank, ranks=2, env=env)) for rank in (0, 1))
        assert {"name": "MASTER_ADDR", "valueFrom": ADDRESS} in first["env"]
        assert "MASTER_ADDR" not in [each["name"] for each in second["env"]]
        assert "MASTER_ADDR" not in first["command"][2]
        assert "export MASTER_ADDR" in second["command"][2]
    assert container(made(rank=0, ranks=1, env=env))["env"][0]["value"] == "127.0.0.1"


def test_ranks_of_several_wait_in_the_jobs_folder_and_one_alone_for_nobody() -> None:
    document = made(ranks=2)
    run = document["metadata"]["annotations"][names.RUN].partition("-")[0]
    meeting = f"/srv/jobs/a/.jobyard-{run}.meeting"
    assert container(document)["command"][6:] == [meeting, "/bin/sh", "-c", "echo $$HOME $$(id) $$$$"]
    assert container(made(ranks=1))["command"][6:] == ["/bin/sh", "-c", "echo $$HOME $$(id) $$$$"]


NPUS = replace(LAYOUT, device_types={"ascend910": Kind("huawei.com/Ascend910"), "v100": Kind("nvidia.com/gpu")})


def variable(document: dict[str, Any], name: str) -> str | None:
    return next((each["value"] for each in container(document)["env"] if each["name"] == name), None)


def test_ranks_on_npus_wait_for_one_table_in_the_jobs_folder() -> None:
    changes = {"ranks": 4, "device_type": "ascend910", "devices": (0, 1)}
    document = made(NPUS, **changes)
    run = document["metadata"]["annotations"][names.RUN].partition("-")[0]
    assert variable(document, "RANK_TABLE_FILE") == f"/srv/jobs/a/rank-table-{run}.json"
    assert document["metadata"]["annotations"][names.RANK_TABLE] == "true"
    assert "was not there 300 s after all ranks were" in container(document)["command"][2]
    assert (
        "was not there 2 s after all ranks were"
        in container(made(replace(NPUS, rank_table_s=1.5), **changes))["command"][2]
    )


@pytest.mark.parametrize(
    ("layout", "changes"),
    [
        (NPUS, {"ranks": 1}),
        (NPUS, {"devices": ()}),
        (NPUS, {"device_type": "v100"}),
        (NPUS, {"env": {"RANK_TABLE_FILE": "/srv/jobs/mine.json"}}),
        (NPUS, {"env": {"RANK_TABLE_FILE": ""}}),
        (replace(NPUS, rank_table_s=0), {}),
    ],
)
def test_who_needs_no_table_or_has_its_own_waits_for_none(layout: Layout, changes: dict[str, Any]) -> None:
    wanted: dict[str, Any] = {"ranks": 4, "device_type": "ascend910", "devices": (0, 1)} | changes
    document = made(layout, **wanted)
    assert variable(document, "RANK_TABLE_FILE") == wanted.get("env", {}).get("RANK_TABLE_FILE")
    assert names.RANK_TABLE not in document["metadata"]["annotations"]
    assert container(document)["command"][2] == container(made(ranks=wanted["ranks"]))["command"][2]


@pytest.mark.parametrize("value", ["1", "", "long enough to be masked"])
def test_a_secret_stands_in_no_pod_however_short_it_is(value: str) -> None:
    env, secrets = {"PIN": value, "MASTER_ADDR": value, "SEED": "1"}, frozenset({"PIN", "MASTER_ADDR"})
    document = made(rank=0, ranks=2, hidden=(value,) if len(value) > 4 else (), env=env, secrets=secrets)
    said = {each["name"]: each for each in container(document)["env"]}
    reference = {"name": document["metadata"]["name"], "key": "PIN"}
    assert said["PIN"] == {"name": "PIN", "valueFrom": {"secretKeyRef": reference}}
    assert said["MASTER_ADDR"] == {"name": "MASTER_ADDR", "valueFrom": ADDRESS}
    assert said["SEED"]["value"] == "1"
    assert document["metadata"]["annotations"][names.SECRET] == "true"


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
    assert made(layout)["spec"]["imagePullSecrets"] == [{"name": "operators"}]


def test_who_asks_for_no_memory_has_a_limit_and_is_promised_none() -> None:
    layout = replace(LAYOUT, memory_mib=4096, disk_mib=100)
    assert container(made(layout, cpus=1.0))["resources"] == {
        "requests": {"cpu": "1000m", "memory": "0", "ephemeral-storage": "0"},
        "limits": {"cpu": "1000m", "memory": "4096Mi", "ephemeral-storage": "100Mi"},
    }
    assert container(made(layout, memory_mib=64))["resources"]["limits"]["memory"] == "64Mi"


@pytest.mark.parametrize(("asked", "said"), [(0, True), (64, False)])
def test_a_pod_says_when_its_limit_of_memory_is_not_what_the_job_asked_for(asked: int, said: bool) -> None:
    layout = replace(LAYOUT, memory_mib=4096, shares={"v100": Share(memory_mib=1000)})
    for devices in ((), (0,)):
        document = made(layout, device_type="v100", devices=devices, memory_mib=asked)
        assert (names.MEMORY_UNASKED in document["metadata"]["annotations"]) is said


def test_a_run_has_at_least_what_belongs_to_its_devices() -> None:
    layout = replace(LAYOUT, memory_mib=4096, shares={"v100": Share(cpus=8, memory_mib=1000)})
    asked = container(made(layout, device_type="v100", devices=(0, 1)))["resources"]["requests"]
    assert asked == {"cpu": "16000m", "memory": "2000Mi", "nvidia.com/gpu": "2"}
    more = made(layout, device_type="v100", devices=(0,), cpus=9.0, memory_mib=10)
    assert container(more)["resources"]["requests"] == {"cpu": "9000m", "memory": "10Mi", "nvidia.com/gpu": "1"}


@pytest.mark.parametrize(("asked", "size"), [(0, "512Mi"), (100, "100Mi"), (2048, "512Mi")])
def test_shared_memory_is_never_more_than_the_runs_memory_as_which_it_counts(asked: int, size: str) -> None:
    [shm] = [
        volume["emptyDir"]
        for volume in made(replace(LAYOUT, shared_memory_mib=512), memory_mib=asked)["spec"]["volumes"]
        if volume["name"] == "shm"
    ]
    assert shm == {"medium": "Memory", "sizeLimit": size}


def test_an_image_that_cannot_be_written_leaves_a_bounded_tmp() -> None:
    document = made(replace(LAYOUT, read_only_root=True, tmp_mib=7))
    assert container(document)["securityContext"]["readOnlyRootFilesystem"] is True
    assert {"name": "tmp", "mountPath": "/tmp"} in container(document)["volumeMounts"]
    assert {"name": "tmp", "emptyDir": {"sizeLimit": "7Mi"}} in document["spec"]["volumes"]
    assert "/tmp" not in {mount["mountPath"] for mount in container(made())["volumeMounts"]}


def test_operators_choose_classes_a_scheduler_and_nodes_and_nothing_of_that_is_said_otherwise() -> None:
    chosen = {"priorityClassName": "training", "runtimeClassName": "gvisor", "schedulerName": "volcano"}
    layout = replace(
        LAYOUT, priority_class="training", runtime_class="gvisor", scheduler="volcano", node_labels={"pool": "gpu"}
    )
    spec = made(layout)["spec"]
    assert chosen.items() <= spec.items()
    [term] = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert term["matchExpressions"] == [{"key": "pool", "operator": "In", "values": ["gpu"]}]
    assert not chosen.keys() & made()["spec"].keys()


def test_a_tombstone_asks_for_nothing_and_says_so() -> None:
    nothing = {"cpu": "0", "memory": "0"}
    order = replace(order_of(f"{new_id()}.1", (), JOBS, 1), cpus=8.0, device_type="v100", devices=(0,))
    assert container(tombstone(order, LAYOUT))["resources"] == {"requests": nothing, "limits": nothing}


def test_ranks_have_names_of_their_own_only_where_the_cluster_has_dns() -> None:
    spec = made(replace(LAYOUT, domain="cluster.local"), ranks=2)["spec"]
    assert (spec["hostname"].startswith(spec["subdomain"]), len(spec["hostname"]) <= 63) == (True, True)
    for document in (made(replace(LAYOUT, domain="cluster.local"), ranks=1), made(ranks=2)):
        assert not {"hostname", "subdomain"} & document["spec"].keys()


def test_a_pod_that_asks_for_devices_tolerates_the_taint_of_their_name() -> None:
    layout = replace(LAYOUT, tolerations=({"key": "lab", "operator": "Exists"},))
    devices = made(layout, device_type="v100", devices=(0,))["spec"]["tolerations"]
    own = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    assert devices == [*layout.tolerations, own]
    assert made(layout)["spec"]["tolerations"] == [*layout.tolerations]
