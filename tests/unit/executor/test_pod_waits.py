"""The shell script of a run that waits for its rank table, as this machine's shell runs it."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from services.executor.backends.kubernetes.wrapper import MESSAGE, started
from services.executor.domain.pod_states import EXITED, STOPPING
from tests.support.waiting import wait_until

CODE = 7


class Container:
    """What is in `folder` when a command is started that needs the table there, and ends with `CODE`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.word = folder / "word"
        self.table = folder / "table.json"
        self.word.touch()

    def start(self, wait_s: int, *argv: str) -> None:
        argv = argv or ("/bin/sh", "-c", f'cat "$RANK_TABLE_FILE"; exit {CODE}')
        shell, option, script, *words = started(argv, str(self.folder), str(self.word), wait_s)
        self.process = subprocess.Popen(
            [shell, option, script.replace(MESSAGE, str(self.word)), *words],
            env={"PATH": os.environ["PATH"], "RANK_TABLE_FILE": str(self.table)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def waits(self) -> None:
        """Return when the script has found no table, and sleeps."""
        wait_until(lambda: self._last() == "sleep", "it waits")

    def ended(self) -> tuple[int, str, str]:
        """The exit code, and what was written."""
        out, error = self.process.communicate(timeout=60)
        return self.process.returncode, out, error

    def _last(self) -> str | None:
        below = psutil.Process(self.process.pid).children(recursive=True)
        with contextlib.suppress(psutil.NoSuchProcess):
            return below[-1].name() if below else None
        return None


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Container]:
    made = Container(tmp_path)
    yield made
    made.process.kill()
    made.process.communicate()


def test_the_command_starts_once_its_table_is_there(container: Container) -> None:
    container.start(600)
    container.waits()
    assert container.word.read_text() == ""
    container.table.write_text("the table")
    assert container.ended() == (CODE, "the table", "")
    assert container.word.read_text() == f"{EXITED}\n"


def test_a_table_that_does_not_come_fails_the_run_with_a_sentence(container: Container) -> None:
    container.start(1)
    code, out, error = container.ended()
    assert (code, out) == (1, "")
    assert error.startswith("RANK_TABLE_FILE was not there after 1 s: ")
    assert error.count("\n") == 1
    assert container.word.read_text() == f"{EXITED}\n", "it has failed, and was not stopped"


def test_a_run_that_is_stopped_while_it_waits_never_starts(container: Container) -> None:
    container.start(600)
    container.waits()
    container.word.write_text(f"{STOPPING}\n")
    assert container.ended() == (143, "", "")
    assert container.word.read_text() == f"{STOPPING}\n"


def test_a_command_that_is_not_there_is_said_without_waiting(container: Container) -> None:
    container.start(600, "/no/such/command")
    assert container.ended() == (127, "", "/no/such/command: No such file or directory\n")


def test_a_run_that_needs_no_table_waits_for_none(container: Container) -> None:
    container.start(0, "/bin/sh", "-c", f"exit {CODE}")
    assert container.ended() == (CODE, "", "")
