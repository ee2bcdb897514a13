"""Which program a job gets: its own, the platform's, or a sentence that says what to install."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.endpoints.domain.document import RunPlace
from services.endpoints.programs.program import (
    JUPYTER,
    MISSING,
    PROGRAMS,
    TENSORBOARD,
    Program,
    base_of,
    child_name,
    port_of,
)
from services.endpoints.programs.starting import Broke, Programs
from shared.contracts.endpoints import EndpointKind, EndpointStatus
from shared.contracts.errors import Conflict
from shared.contracts.streams import Child
from shared.ports import PORTS
from shared.streams.client import RunAt, Streams
from shared.streams.process import Process
from tests.support.endpoints import JOB, endpoint

STARTING = endpoint(
    name="jupyter",
    kind=EndpointKind.JUPYTER,
    status=EndpointStatus.STARTING,
    secret="a-secret",
    run=RunPlace(attempt=1, executor="local"),
)
TOOLS = ("sh", "env", "mkdir", "chmod", "cat")


class Home:
    """A job's folder, and a PATH with what the scripts need and no program."""

    def __init__(self, folder: Path) -> None:
        self.job = folder / "job"
        self.bin = folder / "bin"
        self.bin.mkdir()
        for tool in TOOLS:
            (self.bin / tool).symlink_to(f"/bin/{tool}" if Path(f"/bin/{tool}").exists() else f"/usr/bin/{tool}")

    def has(self, name: str, script: str) -> Path:
        """A program on the PATH."""
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def run(self, program: Program, python: str) -> subprocess.CompletedProcess[str]:
        words = ["/bin/sh", "-c", program.script, program.title, python, "20001", f"/endpoints/{JOB}/x/"]
        env = {"PATH": str(self.bin), "JOBYARD_JOB_PATH": str(self.job)}
        return subprocess.run(words, env=env, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


SAY = 'printf "%s\\n" "$0" "$@"'


@pytest.mark.parametrize(("program", "name"), [(JUPYTER, "jupyter-lab"), (TENSORBOARD, "tensorboard")])
def test_the_jobs_own_comes_first(home: Home, program: Program, name: str) -> None:
    own = home.has(name, SAY)
    said = home.run(program, sys.executable).stdout.splitlines()
    assert said[0] == str(own)
    assert any("20001" in word for word in said)
    assert any(f"/endpoints/{JOB}/x" in word for word in said)


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=lambda program: program.package)
def test_without_any_the_exit_code_says_that_it_is_missing(home: Home, program: Program) -> None:
    assert home.run(program, "/nowhere/python").returncode == MISSING
    empty = home.has("empty-python", "exit 1")
    assert home.run(program, str(empty)).returncode == MISSING


@pytest.mark.parametrize(
    ("finds_ipykernel", "kernel", "title"),
    [(True, ["/usr/bin/env", "python3"], "Python 3"), (False, None, "Python 3 of the platform")],
)
def test_the_platforms_jupyter_runs_kernels_of_the_jobs_python_if_that_can(
    home: Home, finds_ipykernel: bool, kernel: list[str] | None, title: str
) -> None:
    home.has("python3", f"exit {0 if finds_ipykernel else 1}")
    platform = home.has(
        "platform-python", f'case "$1" in -m) {SAY}; echo "$JUPYTER_PATH";; *) exec {sys.executable} "$@";; esac'
    )
    said = home.run(JUPYTER, str(platform)).stdout.splitlines()
    assert said[:3] == [str(platform), "-m", "jupyterlab"]
    folder = home.job / ".jobyard" / "jupyter"
    assert said[-1] == str(folder)
    spec = json.loads((folder / "kernels" / "python3" / "kernel.json").read_text())
    assert spec["display_name"] == title
    assert spec["argv"][: -len(LAUNCH)] == (kernel or [str(platform)])
    assert spec["argv"][-len(LAUNCH) :] == LAUNCH
    assert os.stat(folder / "runtime").st_mode & 0o077 == 0


class Refusing(Streams):
    """A run in which nothing can be started."""

    def __init__(self, refusal: Conflict) -> None:
        """No bus is asked."""
        self.refusal = refusal

    async def start(self, run: RunAt, child: Child) -> Process:
        raise self.refusal


@pytest.mark.parametrize("code", ["program_missing", "program_unusable"])
async def test_where_the_jobs_image_lacks_what_a_start_needs_the_endpoint_says_so(code: str) -> None:
    refusal = Conflict("The job's image has no /bin/sh.", details={"code": code, "program": "/bin/sh"})
    with pytest.raises(Broke) as broke:
        await Programs(Refusing(refusal), sys.executable).open(STARTING)
    assert broke.value.reason.code == code
    assert broke.value.reason.message == "Jupyter cannot be started: The job's image has no /bin/sh."


async def test_what_passes_by_itself_breaks_no_endpoint() -> None:
    refusal = Conflict("Too many.", details={"code": "too_many_children"})
    with pytest.raises(Conflict):
        await Programs(Refusing(refusal), sys.executable).open(STARTING)


LAUNCH = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]


def test_name_port_and_token_follow_from_the_secret_so_that_every_replica_finds_the_same() -> None:
    one = STARTING
    child = JUPYTER.child(one, 0, "/python")
    assert child == JUPYTER.child(one, 0, "/python")
    assert child.name == child_name(one, 0) != child_name(one, 1)
    assert child.env == {"JUPYTER_TOKEN": "a-secret"}
    assert child.argv is not None
    assert "a-secret" not in " ".join(child.argv)
    assert child.argv[-2:] == (str(port_of("a-secret", 0)), base_of(one))
    ports = {port_of(secret, number) for secret in ("a", "b", "c") for number in range(5)}
    assert len(ports) == 15
    assert all(port in PORTS for port in ports)
    another = one.model_copy(update={"secret": "another"})
    assert child_name(another, 0) != child_name(one, 0)
