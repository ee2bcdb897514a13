"""The shell script that starts a command in its container, where the storage is not the one that the executor knows."""

import subprocess
from pathlib import Path

import pytest

from services.executor.backends.kubernetes import manifest
from services.executor.backends.kubernetes.layout import Layout, Storage
from services.executor.backends.kubernetes.mounts import mark_of
from services.executor.backends.kubernetes.wrapper import MESSAGE, started
from services.executor.domain.pod_states import CLAIM_DIFFERS, EXITED, MISPLACED
from shared import descent
from shared.ids import new_id
from tests.support.executor_backend import order_of


@pytest.fixture
def job(tmp_path: Path) -> Path:
    (tmp_path / "it's $HOME").mkdir()
    return tmp_path / "it's $HOME"


def run(job: Path) -> "subprocess.CompletedProcess[str]":
    message = job.parent / "message"
    message.touch()
    words = [word.replace(MESSAGE, str(message)) for word in started(("echo", "here"), str(job), str(job / "mark"))]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)


def test_a_command_starts_where_the_executors_mark_is(job: Path) -> None:
    descent.mark(job / "mark")
    done = run(job)
    assert (done.returncode, done.stdout, done.stderr) == (0, "here\n", "")
    assert (job.parent / "message").read_text() == f"{EXITED}\n"


def test_nothing_starts_on_a_claim_that_has_other_files(job: Path) -> None:
    done = run(job)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{CLAIM_DIFFERS}\n")
    assert (job.parent / "message").read_text() == f"{MISPLACED}\n"


def test_a_pod_looks_for_the_mark_in_a_folder_that_it_has() -> None:
    order = order_of(f"{new_id()}.1", ("train",), Path("/srv/jobs/a"), 1)
    layout = Layout(executor="cluster", image="a", storages=(Storage(Path("/srv"), "all"),))
    container = manifest.pod(order, layout)["spec"]["containers"][0]
    mark = mark_of(order)
    assert str(mark) in container["command"]
    assert any(mark.is_relative_to(mount["mountPath"]) for mount in container["volumeMounts"])
