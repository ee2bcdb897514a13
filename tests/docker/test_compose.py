"""compose.yaml on a real engine: built, brought up healthy, and jobs run in containers of their own beside it."""

import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.ids import new_id
from tests.support.composed import Composed
from tests.support.docker import docker
from tests.support.separate import SERVICES
from tests.support.waiting import LONG_S, wait_until

pytestmark = pytest.mark.timeout(1500)
"""The image is built first, from packages that may have to be fetched."""


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    folder: Path = tmp_path_factory.mktemp("compose")
    folder.chmod(0o755)
    composed = Composed(f"jobyard-{new_id().lower()}", folder)
    composed.prepare()
    try:
        composed.up()
        yield composed
    finally:
        composed.close()


def test_every_service_is_healthy_in_a_container_that_can_change_nothing(yard: Composed) -> None:
    containers = yard.containers()
    assert set(containers) == {*SERVICES, "nats", "mongo"}
    for name in (*SERVICES, "nats"):
        container = containers[name]
        assert container["State"]["Health"]["Status"] == "healthy"
        assert container["HostConfig"]["ReadonlyRootfs"] and container["HostConfig"]["CapDrop"] == ["ALL"]
        assert not container["Config"]["User"].startswith("0")
        assert not container["HostConfig"]["Privileged"]


def test_no_secret_is_anybodys_default_and_the_file_of_them_is_its_owners(yard: Composed) -> None:
    environment = yard.secrets()
    assert stat.S_IMODE(os.stat(yard.environment).st_mode) == 0o600
    passwords = [value for name, value in environment.items() if name.endswith(("_PASSWORD", "_KEY"))]
    assert len(set(passwords)) == len(passwords) >= 12
    assert all(len(password) >= 40 for password in passwords)


def test_the_password_of_admin_is_in_no_log(yard: Composed) -> None:
    password = yard.secrets()["JOBYARD_GATEWAY_ADMIN_PASSWORD"]
    assert yard.call("GET", "/api/v1/me").status_code == 200, "it is the one that counts"
    for container in yard.containers().values():
        assert password not in docker("logs", container["Id"])


def test_a_job_finishes_in_a_container_of_its_own(yard: Composed) -> None:
    job = yard.submit("echo in $(hostname); id -u; cat /etc/hostname; exit 0")
    yard.reaches(job, "finished")
    made = docker("ps", "--all", "--quiet", "--filter", f"label=jobyard.job={job}").split()
    assert len(made) == 1
    lines = yard.console(job)
    assert "in rank-0" in lines
    assert yard.secrets()["JOBYARD_UID"] in lines


@pytest.mark.parametrize("name", ["jobs", "nats"])
def test_a_service_that_is_killed_comes_back(yard: Composed, name: str) -> None:
    before = yard.containers()[name]["State"]["Pid"]
    os.kill(before, signal.SIGKILL)

    def back() -> bool:
        state = yard.containers()[name]["State"]
        return state["Pid"] not in (0, before) and state["Health"]["Status"] == "healthy"

    wait_until(back, "another process serves", within=LONG_S * 2)
    yard.reaches(yard.submit("true"), "finished")


def test_down_and_up_again_finds_every_job_and_those_that_went_on(yard: Composed) -> None:
    done = yard.submit("echo done")
    yard.reaches(done, "finished")
    running = yard.submit("while [ ! -e go ]; do sleep 0.1; done; echo went on")
    yard.reaches(running, "running")
    yard.down()
    assert docker("ps", "--quiet", "--filter", f"label=jobyard.job={running}").split(), "jobs are none of compose's"
    yard.up()
    assert yard.job(done)["status"] == "finished"
    (yard.data / "storage" / "jobs" / running / "go").touch()
    yard.reaches(running, "finished")
    assert "went on" in yard.console(running)
