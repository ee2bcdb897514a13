"""The shell script that starts a run's command in its container, run by the shells of this machine."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from services.executor.backends.kubernetes.wrapper import MESSAGE, SHELL, Waits, started, stopped
from services.executor.domain.pod_states import EXITED, STOPPING

SHELLS = sorted({str(Path(found).resolve()) for found in map(shutil.which, (SHELL, "dash", "bash")) if found})
ASSIGNED = re.compile(r"\b([A-Za-z_]\w*)=|\bread -r (\w+)|\bfor (\w+) in")


class Container:
    """A folder with the termination message."""

    def __init__(self, folder: Path, shell: str) -> None:
        self.message = folder / "message"
        self.message.touch()
        self._folder = folder
        self._shell = shell

    def run(
        self, *argv: str, env: Mapping[str, str] | None = None, has_home: bool = False, waits: Waits | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """To its end."""
        process = self.begin(*argv, env=env, has_home=has_home, waits=waits)
        out, error = process.communicate(timeout=60)
        return subprocess.CompletedProcess(argv, process.returncode, out, error)

    def begin(
        self, *argv: str, env: Mapping[str, str] | None = None, has_home: bool = False, waits: Waits | None = None
    ) -> "subprocess.Popen[str]":
        words = started(argv, str(self._folder), str(self.message), has_home, waits)
        command = [self._shell, *(word.replace(MESSAGE, str(self.message)) for word in words[1:])]
        environment = {"PATH": "/usr/bin:/bin", **(env or {})}
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True)


@pytest.fixture(params=SHELLS)
def container(request: pytest.FixtureRequest, tmp_path: Path) -> Container:
    return Container(tmp_path, request.param)


@pytest.mark.parametrize("gathered", [False, True])
def test_a_command_gets_its_own_variables_whatever_the_scripts_call_theirs(
    container: Container, tmp_path: Path, gathered: bool
) -> None:
    meeting = tmp_path / "meeting"
    meeting.write_text("10.0.0.9\n")
    waits = Waits(str(meeting), learns=True, table_s=9)
    scripts = started(("true",), "/", "/", waits=waits)[2] + stopped()[2]
    names = {name for found in ASSIGNED.findall(scripts) for name in found if name}
    assert {"word", "code", "told", "each", "line"} <= names
    own = {name: f"the job's {name}" for name in sorted(names - {"HOME", "MASTER_ADDR"})} | {
        "folder": "the job's folder"
    }
    done = container.run("env", env=own)
    assert done.returncode == 0
    assert own.items() <= dict(line.split("=", 1) for line in done.stdout.splitlines()).items()


def test_an_end_is_noted_and_has_the_command_s_exit_code(container: Container, tmp_path: Path) -> None:
    done = container.run("sh", "-c", "pwd; echo trouble >&2; cat; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, f"{tmp_path}\n", "trouble\n")
    assert container.message.read_text() == f"{EXITED}\n"


def test_a_command_whose_stop_came_first_is_not_started(container: Container) -> None:
    container.message.write_text(f"{STOPPING}\n")
    done = container.run("echo", "started", env={"word": ""})
    assert (done.returncode, done.stdout) == (143, "")


def test_a_command_that_cannot_be_started_is_said_to_be_so(container: Container, tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    told = {
        "no-such-command": (127, "no-such-command: No such file or directory\n"),
        "./nothing": (127, "./nothing: No such file or directory\n"),
        "./plain": (126, "./plain: Permission denied\n"),
        str(tmp_path): (126, f"{tmp_path}: Permission denied\n"),
    }
    for command, said in told.items():
        container.message.write_text("")
        done = container.run(command, env={"code": "0"})
        assert (done.returncode, done.stderr) == said
        assert container.message.read_text() == f"{EXITED}\n"


def test_without_its_folder_nothing_is_started(tmp_path: Path) -> None:
    words = started(("echo", "started"), str(tmp_path / "missing"), str(tmp_path))
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{tmp_path / 'missing'}: No such file or directory\n"


HOMES = {None: "job", "gone": "job", "plain": "job", "": "job", "home": "home"}
"""What is said to be its home, and what is."""


@pytest.mark.parametrize("said", HOMES)
@pytest.mark.parametrize("by_the_job", [False, True])
def test_a_command_has_a_home_that_can_be_written_unless_the_job_says_which(
    container: Container, tmp_path: Path, said: str | None, by_the_job: bool
) -> None:
    for folder in ("job", "home"):
        (tmp_path / folder).mkdir()
    (tmp_path / "plain").touch()
    env = {"JOBYARD_JOB_PATH": str(tmp_path / "job")}
    if said is not None:
        env["HOME"] = str(tmp_path / said) if said else ""
    done = container.run("sh", "-c", 'echo "$HOME"', env=env, has_home=by_the_job)
    found = env.get("HOME", "") if by_the_job else str(tmp_path / HOMES[said])
    assert done.stdout == f"{found}\n"
