"""The shell script of a rank that waits for the others and for its rank table, run by the shells of this machine."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from services.executor.backends.kubernetes.wrapper import MESSAGE, Waits, started
from services.executor.domain.pod_shell import SHELL
from services.executor.domain.pod_states import EXITED, STOPPING
from tests.support.waiting import wait_until

CODE = 7
SHELLS = sorted({str(Path(found).resolve()) for found in map(shutil.which, (SHELL, "dash", "bash")) if found})


class Container:
    """What is in `folder` when a rank's command is started that needs its table, says where the ranks meet, and ends
    with `CODE`.
    """

    def __init__(self, folder: Path, shell: str) -> None:
        self.folder = folder
        self.shell = shell
        self.word = folder / "word"
        self.job = folder / "the job's"
        self.meeting = self.job / "meeting"
        self.table = self.job / "table.json"
        self.word.touch()
        self.job.mkdir()

    def start(self, table_s: int, *argv: str, learns: bool = True) -> None:
        argv = argv or ("/bin/sh", "-c", f'cat "$RANK_TABLE_FILE"; echo " at $MASTER_ADDR"; exit {CODE}')
        waits = Waits(str(self.meeting), learns, table_s)
        _, option, script, *words = started(argv, str(self.folder), str(self.word), waits=waits)
        self.process = subprocess.Popen(
            [self.shell, option, script.replace(MESSAGE, str(self.word)), *words],
            env={"PATH": os.environ["PATH"], "RANK_TABLE_FILE": str(self.table), "MASTER_ADDR": "as it was"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def gathers(self) -> None:
        self.meeting.write_text("10.0.0.9\n")

    def waits(self) -> None:
        """Return when the script has not found what it waits for, and sleeps."""
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


@pytest.fixture(params=SHELLS)
def container(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Container]:
    made = Container(tmp_path, request.param)
    yield made
    made.process.kill()
    made.process.communicate()


@pytest.mark.parametrize(("learns", "address"), [(True, "10.0.0.9"), (False, "as it was")])
def test_the_command_starts_once_the_ranks_are_there_and_knows_where_they_meet(
    container: Container, learns: bool, address: str
) -> None:
    container.table.write_text("the table")
    container.start(0, learns=learns)
    container.waits()
    assert container.word.read_text() == ""
    container.gathers()
    assert container.ended() == (CODE, f"the table at {address}\n", "")
    assert container.word.read_text() == f"{EXITED}\n"


def test_a_rank_waits_for_its_table_only_once_all_are_there(container: Container) -> None:
    container.table.write_text("an early table")
    container.start(600)
    container.waits()
    container.table.unlink()
    container.gathers()
    container.waits()
    container.table.write_text("the table")
    assert container.ended() == (CODE, "the table at 10.0.0.9\n", "")


def test_a_table_that_does_not_come_fails_the_run_with_a_sentence(container: Container) -> None:
    container.gathers()
    container.start(1)
    code, out, error = container.ended()
    assert (code, out) == (1, "")
    assert error.startswith("RANK_TABLE_FILE was not there 1 s after all ranks were: ")
    assert error.count("\n") == 1
    assert container.word.read_text() == f"{EXITED}\n", "it has failed, and was not stopped"


@pytest.mark.parametrize("gathered", [False, True])
def test_a_run_that_is_stopped_while_it_waits_never_starts(container: Container, gathered: bool) -> None:
    container.start(600 if gathered else 0)
    if gathered:
        container.gathers()
    container.waits()
    container.word.write_text(f"{STOPPING}\ntold\n")
    container.gathers()
    assert container.ended() == (143, "", "")
    assert container.word.read_text() == f"{STOPPING}\ntold\n{EXITED}\n"


def test_a_command_that_is_not_there_is_said_without_waiting(container: Container) -> None:
    container.start(600, "/no/such/command")
    assert container.ended() == (127, "", "/no/such/command: No such file or directory\n")
