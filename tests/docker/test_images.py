"""Images end to end: a virtual cluster's credentials, a tag that is pinned, a pull that is told, on a real engine and a
real registry.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.docker import docker, engine
from tests.support.docker_bench import clear_containers
from tests.support.executor_service import paused
from tests.support.held_way import HeldWay
from tests.support.platform import Platform
from tests.support.registry import PASSWORD, USER, Registry
from tests.support.waiting import wait_until

PART = 1 << 20
"""Bytes of each layer; two of the three have 3 MiB."""


@pytest.fixture(scope="module")
def yard(registry: Registry, way: HeldWay, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform that runs jobs on the engine, with the registry's credentials in its VC `default`."""
    data = tmp_path_factory.mktemp("platform") / "data"
    environment = {
        "JOBYARD_EXECUTOR_BACKEND": "docker",
        "JOBYARD_EXECUTOR_DOCKER_HOST": engine(),
        "JOBYARD_EXECUTOR_USERS": "*=1000:1000",
        "JOBYARD_GATEWAY_REGISTRIES": f"http://{registry.name},http://127.0.0.1:{way.port}",
        "JOBYARD_GATEWAY_REGISTRY_NETWORKS": "127.0.0.0/8",
        "JOBYARD_GATEWAY_REGISTRY_TIMEOUT_S": "30",
    }
    platform = Platform(data, environment=environment)
    platform.start()
    try:
        wait_until(lambda: platform.call("GET", "/submit-options")["uses_images"], "the node reports")
        yield platform
    finally:
        platform.close()
        clear_containers(data / "executor" / "docker")


def credentials(yard: Platform, registry: str, password: str = PASSWORD) -> None:
    yard.call("PUT", f"/vcs/default/registries/{registry}", json={"username": USER, "password": password})


def test_a_pinned_job_starts_in_the_same_image_whatever_becomes_of_its_tag(yard: Platform, registry: Registry) -> None:
    first = registry.push("team/train:3", "one")
    credentials(yard, registry.name)
    yard.call("PATCH", "/vcs/default", 200, json={"image": f"{registry.name}/team/train:3"})
    with paused(yard.part("executor")):
        waiting = yard.submit(["/say"], cpus=0.5)
        registry.push("team/train:3", "two")
    job = yard.wait(waiting, "finished")
    assert job["image"] is None
    assert job["run_image"]["reference"] == f"{registry.name}/team/train@{first}"
    assert job["run_image"]["of_vc"] is True
    assert yard.lines(waiting) == ["image one"]
    yard.call("PATCH", "/vcs/default", 200, json={"image": None})
    later = yard.submit(["/say"], image=f"{registry.name}/team/train:3", cpus=0.5)
    yard.wait(later, "finished")
    assert yard.lines(later) == ["image two"]


def test_the_reason_of_a_starting_job_says_how_far_its_pull_is(
    yard: Platform, registry: Registry, way: HeldWay
) -> None:
    registry.push("team/large:1", "large")
    through = f"127.0.0.1:{way.port}"
    credentials(yard, through)
    way.hold_after(PART)
    try:
        id = yard.submit(["/say"], image=f"{through}/team/large:1", cpus=0.5)
        told: list[dict[str, Any]] = []

        def halfway() -> bool:
            reason = yard.job(id)["reason"] or {}
            if reason.get("code") == "pulling_image" and reason["details"].get("bytes_there", 0) > 0:
                told.append(reason)
            return bool(told)

        wait_until(halfway, "its pull is under way")
    finally:
        way.let_go()
    assert told[0]["details"]["layers"] == 3
    amounts = r"[01] of 3 layers, [0-9.]+ of 6\.[0-9] MiB\.$"
    assert re.search(rf"is pulling the image {through}/team/large@sha256:[0-9a-f]{{64}}: {amounts}", told[0]["message"])
    yard.wait(id, "finished")
    assert yard.lines(id) == ["image large"]


def test_an_image_that_the_clusters_credentials_do_not_open_ends_the_job_with_the_registrys_words(
    yard: Platform, registry: Registry
) -> None:
    image = f"{registry.name}/team/secret:1"
    registry.push("team/secret:1", "secret")
    credentials(yard, registry.name, "canary-wrong")
    try:
        id = yard.submit(["/say"], image=image, cpus=0.5)
        job = yard.wait(id, "error")
    finally:
        credentials(yard, registry.name)
    assert job["run_image"]["unpinned"]["code"] == "image_denied"
    assert job["reason"]["code"] == "image_unavailable"
    assert "unauthorized" in job["reason"]["message"] or "no basic auth" in job["reason"]["message"]
    assert "canary-wrong" not in str(yard.call("GET", f"/jobs/{id}/events"))


def test_the_password_is_in_no_file_log_or_container(yard: Platform, registry: Registry) -> None:
    id = yard.submit(["/say"], image=f"{registry.name}/team/train:3", cpus=0.5)
    yard.wait(id, "finished")
    names = docker("ps", "--all", "--quiet", "--filter", f"label=jobyard.job={id}").split()
    assert PASSWORD not in docker("inspect", *names)
    assert PASSWORD not in yard.output()
    for file in (path for path in yard.data.rglob("*") if path.is_file()):
        with contextlib.suppress(FileNotFoundError):  # the platform goes on, and lets go of files
            assert PASSWORD.encode() not in file.read_bytes(), file


def test_containers_are_let_into_no_folder_beside_the_storage_that_nobody_has_named(yard: Platform) -> None:
    assert yard.call("GET", "/submit-options")["path_roots"] == []
    problem = yard.call("POST", "/jobs", 422, json={"name": "j", "command": "ls", "work_path": os.getcwd()})
    assert [error["field"] for error in problem["errors"]] == ["work_path"]
