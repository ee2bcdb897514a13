"""Hostile submissions, from the body to the pod and the container: refused with a sentence, or inert wherever they end.

Nothing that a person writes becomes a key, a name, a path outside the job's folders, or anything but a value.
"""

import asyncio
import json
import re
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from services.executor.backends.docker.containers import Image, Limits, Surroundings, container_of
from services.executor.backends.docker.mounts import mounts_of
from services.executor.backends.docker.users import User
from services.executor.backends.kubernetes.layout import Layout, Storage
from services.executor.backends.kubernetes.manifest import pod
from services.executor.backends.protocol import RunOrder
from services.executor.domain.equipment import Equipment
from services.executor.prepare import Preparation, Unfit
from services.executor.storages import Storages
from services.gateway.bodies import parsed
from services.gateway.environment import told
from services.gateway.resources.submissions import JobRequest
from shared.contracts.errors import Invalid
from shared.paths import Roots
from tests.support.executor import assignment_of, launch_of, view_of

BREAKERS = (
    *("a\nprivileged: true", "'; rm -rf /; '", '"}]}', "$(id)", "`id`", "${IFS}", "{{ .Values }}", "&anchor", "*ref"),
    *("- a", "a: b", "# c", "%2e%2e%2f", "\x00", "\x1b[2J", "\u2028", "\r\n", "\ud800", "!!python/object", "--help"),
)
PLACES = (
    *("/", "/proc/1/root", "/var/run/docker.sock", "/etc/shadow", "..", "jobs/../../..", "a/./..", "link/etc", "/sys"),
    *("jobs/%2e%2e/x", "jobs\\..\\x", "~root", "/dev/mem", "link", "//etc", "/storage/../etc"),
)
hostile = st.one_of(st.sampled_from(BREAKERS), st.text(max_size=40), st.sampled_from(("fine", "jobs/a", "a-b_c.d")))
somewhere = st.one_of(st.sampled_from(PLACES), hostile)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "env": st.dictionaries(st.one_of(hostile, st.just("SEED")), hostile, max_size=3),
    "labels": st.dictionaries(hostile, hostile, max_size=3),
    "vc": hostile,
    "data_path": somewhere,
    "work_path": somewhere,
    "job_path": somewhere,
    "checkpoint_path": somewhere,
    "device_type": hostile,
    "hostPath": hostile,
    "privileged": st.booleans(),
    "volumes": st.lists(hostile, max_size=2),
}
REQUIRED = {"name": st.one_of(st.just("job"), hostile), "command": st.one_of(st.just("true"), hostile)}
bodies = st.fixed_dictionaries(REQUIRED, optional=FIELDS)
"""Few of the fields are there at a time, so that many a body is taken."""

PATHS = ("data_path", "work_path", "job_path", "checkpoint_path")
POD_FIELDS = {
    *("affinity", "automountServiceAccountToken", "containers", "enableServiceLinks", "imagePullSecrets"),
    *("restartPolicy", "securityContext", "terminationGracePeriodSeconds", "tolerations", "volumes"),
}
_LABEL = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
WHERE = Surroundings("home-1", "boot-1", Path("/runtime"), lambda at: ["python", at], "bridge", Limits(800), True)
IMAGE = Image("image:1", "sha256:1", {"PATH": "/bin"})


def order_of(body: dict[str, Any], storage: Path) -> RunOrder | None:
    """As far as it gets; None: it was refused, with a sentence."""
    try:
        request = told(parsed(JobRequest, json.dumps(body).encode())[0])
    except Invalid as refused:
        is_said(refused.message, *(error.message for error in refused.errors))
        return None
    view = view_of(vc=request.vc, name=request.name, labels=request.labels)
    launch = launch_of(**{name: getattr(request, name) for name in ("command", "env", "image", *PATHS)})
    preparation = Preparation(Roots(storage), {}, lambda id: storage / id, Equipment(), Storages())
    item = assignment_of(view, launch)
    try:
        (order,) = preparation.orders(item, asyncio.run(preparation.folders(item)))
    except Unfit as unfit:
        is_said(unfit.reason.message)
        return None
    return order


def is_said(*sentences: str) -> None:
    assert all(sentences)


@pytest.fixture(scope="module")
def storage() -> Any:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve() / "storage"
        root.mkdir()
        (root / "link").symlink_to("/")
        yield root


@given(body=bodies)
def test_a_pod_holds_what_a_job_says_as_values_alone(storage: Path, body: dict[str, Any]) -> None:
    order = order_of(body, storage)
    if order is None:
        return
    layout = Layout(executor="cluster", image="lab/base:1", storages=(Storage(PurePosixPath(storage), "all"),))
    document = pod(order, layout)
    assert yaml.safe_load(yaml.safe_dump(document)) == document
    meta, spec = document["metadata"], document["spec"]
    assert _NAME.fullmatch(meta["name"]) and _NAME.fullmatch(meta["namespace"])
    assert all(_LABEL.fullmatch(value) for value in meta["labels"].values())
    assert set(spec) == POD_FIELDS
    (container,) = spec["containers"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert all(set(volume) <= {"name", "persistentVolumeClaim", "emptyDir"} for volume in spec["volumes"])
    for mount in container["volumeMounts"]:
        assert mount["mountPath"] in ("/dev/shm", "/run/jobyard") or Path(mount["mountPath"]).is_relative_to(storage)
        assert ".." not in mount.get("subPath", "").split("/")
    assert [word.replace("$$", "$") for word in container["command"]][-len(order.argv) :] == list(order.argv)


@given(body=bodies)
def test_a_container_holds_no_more_than_the_jobs_own_folders(storage: Path, body: dict[str, Any]) -> None:
    order = order_of(body, storage)
    if order is None:
        return
    mounts = mounts_of(order, storage / "files", WHERE.runtime, "/.jobyard-1")
    config = container_of(order, IMAGE, User(1000, 1000), mounts, "/.jobyard-1", None, WHERE)
    host = config["HostConfig"]
    assert host["CapDrop"] == ["ALL"] and host["SecurityOpt"] == ["no-new-privileges:true"]
    assert not {"Privileged", "PidMode", "CapAdd", "PortBindings", "VolumesFrom", "Binds"} & set(host)
    assert host["IpcMode"] == "private"
    for mount in host["Mounts"]:
        assert Path(mount["Source"]).is_relative_to(storage) or mount["Source"] == "/runtime"
    assert json.loads(json.dumps(config)) == config
    assert config["Entrypoint"] == ["python"]


@given(path=somewhere)
def test_a_path_that_the_gateway_takes_lies_in_the_storage(storage: Path, path: str) -> None:
    try:
        request = parsed(JobRequest, json.dumps({"name": "j", "command": "c", "job_path": path}).encode())[0]
        resolved = Roots(storage).resolve(request.job_path or "")
    except (Invalid, ValueError):
        return
    assert resolved.is_relative_to(storage)


@pytest.mark.parametrize("name", ["NVIDIA_VISIBLE_DEVICES", "ASCEND_VISIBLE_DEVICES", "NVIDIA_MOFED", "NVIDIA_GDS"])
@pytest.mark.parametrize("value", ["all", {"secret": "any"}])
def test_no_job_asks_a_container_runtime_for_devices(name: str, value: object) -> None:
    body = {"name": "job", "command": "true", "env": {name: value}}
    with pytest.raises(Invalid, match="the platform says which devices a job sees"):
        parsed(JobRequest, json.dumps(body).encode())
