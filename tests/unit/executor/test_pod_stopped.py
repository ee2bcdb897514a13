"""The scripts that start and stop the command, run as in a pod: in processes of their own, of which the first is 1."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from services.executor.backends.kubernetes.wrapper import MESSAGE, started, stopped
from services.executor.domain.pod_states import EXITED, STOPPING
from tests.support.shells import SHELLS
from tests.support.waiting import wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can have processes numbered anew")

SAVES = "trap 'sleep 0.2; {also} echo saved; exit 0' TERM; echo > ready; while :; do sleep 0.1; done"
"""What it is told to end by, it saves on."""


class Container:
    """A command that is running, and the file of its termination message."""

    def __init__(self, folder: Path, shell: str, command: str) -> None:
        self.message = folder / "message"
        self.message.touch()
        self._shell = shell
        words = started(("sh", "-c", command), str(folder), str(folder))
        apart = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "setsid", shell)
        self._process = subprocess.Popen(
            [*apart, *self._script(words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        wait_until((folder / "ready").exists, "the command runs")

    def stop(self) -> None:
        """As the kubelet does, beside what runs there. It ends with that, if not before."""
        [first] = psutil.Process(self._process.pid).children()
        beside = ("nsenter", "--target", str(first.pid), "--pid", "--mount", self._shell)
        subprocess.run([*beside, *self._script(stopped())], check=False, timeout=60)

    def ended(self) -> tuple[int, str]:
        """Its exit code, and what it has printed."""
        out, _ = self._process.communicate(timeout=60)
        return self._process.returncode, out

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.communicate()

    def _script(self, words: list[str]) -> list[str]:
        return [word.replace(MESSAGE, str(self.message)) for word in words[1:]]


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def container(tmp_path: Path, shell: str, request: pytest.FixtureRequest) -> Iterator[Container]:
    made = Container(tmp_path, shell, request.param)
    yield made
    made.kill()


@pytest.mark.parametrize("container", [SAVES.format(also="")], indirect=True)
def test_a_command_that_is_told_to_end_has_its_time_to_save(container: Container) -> None:
    container.stop()
    assert container.ended() == (0, "saved\n")
    assert sorted(container.message.read_text().split()) == [EXITED, STOPPING, "told"]


@pytest.mark.parametrize("container", ["echo what a program says > message;" + SAVES.format(also="")], indirect=True)
def test_what_a_command_has_written_keeps_no_word_from_it(container: Container) -> None:
    container.stop()
    assert container.ended() == (0, "saved\n")


@pytest.mark.parametrize("container", [SAVES.format(also="echo told >> told;")], indirect=True)
def test_a_hook_that_runs_once_more_tells_nobody_again(container: Container, tmp_path: Path) -> None:
    container.message.write_text(f"{STOPPING}\n")
    container.stop()
    assert container.message.read_text() == f"{STOPPING}\n"
    assert not (tmp_path / "told").exists()


@pytest.mark.parametrize("container", [SAVES.format(also="")], indirect=True)
def test_a_command_that_has_ended_is_not_stopped(container: Container) -> None:
    container.message.write_text(f"{EXITED}\n")
    container.stop()
    assert container.message.read_text() == f"{EXITED}\n"
