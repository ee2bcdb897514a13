"""A container as the engine is asked for it: what it gets, and all that it does not."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.executor.backends.docker.containers import (
    Image,
    Kind,
    Limits,
    Surroundings,
    container_of,
    environment_of,
)
from services.executor.backends.docker.mounts import Mount, mounts_of
from services.executor.backends.docker.users import User
from services.executor.backends.protocol import RunOrder
from services.executor.domain.container_devices import withheld
from tests.support.executor_backend import order_of

LIMITS = Limits(memory_mib=800)
WHERE = Surroundings(
    "home-1", "boot-1", Path("/data/runtime/1"), lambda at: [f"{at}/ld", "python"], "bridge", LIMITS, True
)
HERE = "/.jobyard-1"
IMAGE = Image("image:1", "sha256:1", {"PATH": "/image/bin", "LD_PRELOAD": "/image/evil.so"})
SOMEBODY = User(1000, 100)
BASE = Path("/data/runs/JOB.1")
ORDER = order_of("JOB.1", ("true",), Path("/storage/jobs/JOB"), grace_s=10)


def made_of(order: RunOrder = ORDER, kind: Kind | None = None, limits: Limits = LIMITS) -> dict[str, Any]:
    return container_of(order, IMAGE, SOMEBODY, mounted(order), HERE, kind, replace(WHERE, limits=limits))


def mounted(order: RunOrder) -> list[Mount]:
    return mounts_of(order, BASE, WHERE.runtime, HERE)


def test_a_container_has_no_capability_no_new_privilege_and_its_owners_numbers() -> None:
    made = made_of()
    host = made["HostConfig"]
    assert made["User"] == "1000:100"
    assert host["CapDrop"] == ["ALL"] and host["SecurityOpt"] == ["no-new-privileges:true"]
    assert not {"Privileged", "PidMode", "CapAdd", "PortBindings", "VolumesFrom"} & set(host)
    assert host["IpcMode"] == "private"
    assert host["RestartPolicy"] == {"Name": "no"}, "an attempt starts once"


def test_nothing_of_an_order_but_its_shape_stands_in_the_container() -> None:
    order = replace(ORDER, argv=("train", "--key", "s3cret"), env={"TOKEN": "s3cret"}, hidden=("s3cret",))
    made = made_of(order)
    assert "s3cret" not in repr(made)
    assert made["Env"] == ["LD_PRELOAD", "PATH", *(f"{name}={none}" for name, none in withheld(None).items())]
    assert environment_of(order, IMAGE, None) == {**IMAGE.environment, "TOKEN": "s3cret"}


@pytest.mark.parametrize(("asked", "limit", "shm"), [(0, 816, 400), (100, 116, 50), (1, 17, 1)])
def test_memory_is_what_was_asked_for_or_the_nodes_default_and_never_swap(asked: int, limit: int, shm: int) -> None:
    host = made_of(replace(ORDER, memory_mib=asked))["HostConfig"]
    assert host["Memory"] == host["MemorySwap"] == limit << 20
    assert host["ShmSize"] == shm << 20


def test_what_a_node_limits_holds_for_every_run() -> None:
    host = made_of(limits=replace(LIMITS, shm_mib=7, pids=99, read_only=True))["HostConfig"]
    assert (host["ShmSize"], host["PidsLimit"], host["ReadonlyRootfs"]) == (7 << 20, 99, True)
    assert "size=" in host["Tmpfs"]["/tmp"]
    assert made_of()["HostConfig"]["Tmpfs"] == {}


def test_gpus_are_asked_for_by_their_drivers_numbers_and_counted_from_0_inside() -> None:
    order = replace(ORDER, device_type="a100", devices=(2, 3), env={"CUDA_VISIBLE_DEVICES": "4,5"})
    made = made_of(order, "gpu")
    [request] = made["HostConfig"]["DeviceRequests"]
    assert (request["Driver"], request["DeviceIDs"]) == ("nvidia", ["4", "5"])
    assert environment_of(order, IMAGE, "gpu")["CUDA_VISIBLE_DEVICES"] == "0,1"
    simulated = made_of(order)
    assert "DeviceRequests" not in simulated["HostConfig"]
    assert environment_of(order, IMAGE, None)["CUDA_VISIBLE_DEVICES"] == "4,5"


def test_npus_are_the_nodes_of_their_driver() -> None:
    order = replace(ORDER, device_type="ascend910", devices=(1,), env={"ASCEND_RT_VISIBLE_DEVICES": "1"})
    devices = made_of(order, "npu")["HostConfig"]["Devices"]
    assert {device["PathOnHost"] for device in devices} == {
        "/dev/davinci1",
        "/dev/davinci_manager",
        "/dev/devmm_svm",
        "/dev/hisi_hdc",
    }


def test_several_ranks_have_a_network_of_their_own_in_which_the_first_has_a_name() -> None:
    order = replace(ORDER, ranks=2, rank=0, env={"MASTER_ADDR": "127.0.0.1"})
    made = made_of(order)
    [network] = made["NetworkingConfig"]["EndpointsConfig"]
    assert made["HostConfig"]["NetworkMode"] == network != WHERE.network
    aliases = made["NetworkingConfig"]["EndpointsConfig"][network]["Aliases"]
    assert aliases == [environment_of(order, IMAGE, None)["MASTER_ADDR"]]
    assert made_of()["HostConfig"]["NetworkMode"] == WHERE.network
