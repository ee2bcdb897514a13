"""The shell script that starts a run's command in its container, run by the shells of this machine."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from services.executor.backends.kubernetes.wrapper import MESSAGE, started, stopped
from services.executor.domain.pod_states import EXITED, STOPPING
from tests.support.shells import SHELLS

ASSIGNED = re.compile(r"\b([A-Za-z_]\w*)=|\bread -r (\w+)|\bfor (\w+) in")


class Container:
    """A folder with the termination message."""

    def __init__(self, folder: Path, shell: str) -> None:
        self.message = folder / "message"
        self.message.touch()
        self._folder = folder
        self._shell = shell

    def run(self, *argv: str, env: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        words = [
            word.replace(MESSAGE, str(self.message)) for word in started(argv, str(self._folder), str(self.message))
        ]
        environment = {"PATH": "/usr/bin:/bin", **(env or {})}
        command = [self._shell, *words[1:]]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(params=SHELLS)
def container(request: pytest.FixtureRequest, tmp_path: Path) -> Container:
    return Container(tmp_path, request.param)


def test_a_command_gets_its_own_variables_whatever_the_scripts_call_theirs(container: Container) -> None:
    scripts = started(("true",), "/", "/", 9)[2] + stopped()[2]
    names = {name for found in ASSIGNED.findall(scripts) for name in found if name}
    assert {"word", "code", "told", "each", "line"} <= names
    own = {name: f"the job's {name}" for name in sorted(names)} | {"folder": "the job's folder"}
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
