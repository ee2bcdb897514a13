"""A run's tally on the disk: there for the next process, whole or absent, and gone with the run."""

import os
from pathlib import Path

import pytest
import structlog

from services.executor.domain.used import Used
from services.executor.usage.files import Tally, UsageFiles
from services.executor.usage.reports import Position
from tests.support.executor import ID
from tests.support.usage import HOSTILE

RUN = f"{ID}.1"
LONG = Tally(
    started_ns=1,
    used=Used(at_ns=5, memory_peak_bytes=7, memory_byte_s=1.5, memory_s=0.5, device_s=3.25),
    position=Position(inode=3, offset=9, within=True),
    reported={"train/loss": 0.5},
    not_finite=("loss",),
    dropped=4,
)
SHORT = Tally(started_ns=1, used=Used(at_ns=6))


@pytest.fixture
def files(tmp_path: Path) -> UsageFiles:
    files = UsageFiles(tmp_path / "metrics")
    files.open(())
    return files


def test_what_was_saved_last_is_found_whole_also_when_it_is_shorter(files: UsageFiles) -> None:
    assert files.load(RUN) is None
    files.save(RUN, LONG)
    assert files.load(RUN) == LONG
    files.save(RUN, SHORT)
    assert files.load(RUN) == SHORT


@pytest.mark.parametrize(
    "content", [b"", b"{}", b'{"started_ns": 1', b"\x00" * 100, b'{"started_ns": "1"}\n', b"\xff\n"]
)
def test_what_cannot_be_read_was_never_there(files: UsageFiles, tmp_path: Path, content: bytes) -> None:
    files.save(RUN, SHORT)
    (tmp_path / "metrics" / f"{RUN}.tally").write_bytes(content)
    assert files.load(RUN) is None
    files.save(RUN, LONG)
    assert files.load(RUN) == LONG


@pytest.mark.parametrize("content", HOSTILE)
def test_what_would_make_no_sample_and_no_sum_was_never_there(files: UsageFiles, tmp_path: Path, content: str) -> None:
    (tmp_path / "metrics" / f"{RUN}.tally").write_text(content + "\n")
    assert files.load(RUN) is None


def test_a_folder_in_its_place_is_as_if_nothing_were_there(files: UsageFiles, tmp_path: Path) -> None:
    (tmp_path / "metrics" / f"{RUN}.tally").mkdir()
    files.save(RUN, SHORT)
    assert files.load(RUN) is None


def test_a_pipe_or_a_link_in_its_place_makes_nobody_wait_and_is_not_followed(files: UsageFiles, tmp_path: Path) -> None:
    path = tmp_path / "metrics" / f"{RUN}.tally"
    os.mkfifo(path)
    assert files.load(RUN) is None
    files.save(RUN, SHORT)
    path.unlink()
    other = tmp_path / "other"
    other.write_text("theirs")
    path.symlink_to(other)
    files.save(RUN, SHORT)
    assert (files.load(RUN), other.read_text()) == (None, "theirs")


def test_a_run_that_is_forgotten_leaves_nothing(files: UsageFiles, tmp_path: Path) -> None:
    files.save(RUN, SHORT)
    files.reports(RUN).write_text("{}\n")
    files.remove([RUN, f"{ID}.2"])
    assert list((tmp_path / "metrics").iterdir()) == []


def test_a_start_removes_what_is_left_of_runs_that_nobody_knows(files: UsageFiles, tmp_path: Path) -> None:
    for number in (1, 2):
        files.save(f"{ID}.{number}", SHORT)
        files.reports(f"{ID}.{number}").write_text("{}\n")
    UsageFiles(tmp_path / "metrics").open([f"{ID}.2"])
    assert {path.name for path in (tmp_path / "metrics").iterdir()} == {f"{ID}.2.tally", f"{ID}.2.jsonl"}


def test_a_folder_in_place_of_a_file_is_told_and_hinders_nobody(files: UsageFiles) -> None:
    files.reports(RUN).mkdir()
    files.save(f"{ID}.2", SHORT)
    with structlog.testing.capture_logs() as logs:
        files.remove([RUN, f"{ID}.2"])
    assert [entry["event"] for entry in logs] == ["usage_not_removed"]
    assert files.load(f"{ID}.2") is None


def test_what_is_not_saved_is_told_once_and_costs_nothing_else(files: UsageFiles, tmp_path: Path) -> None:
    (tmp_path / "metrics").rmdir()
    with structlog.testing.capture_logs() as logs:
        files.save(RUN, SHORT)
        files.save(RUN, SHORT)
        assert files.load(RUN) is None
        files.open(())
        files.save(RUN, SHORT)
        (tmp_path / "metrics" / f"{RUN}.tally").unlink()
        (tmp_path / "metrics").rmdir()
        files.save(RUN, SHORT)
    assert [entry["event"] for entry in logs] == ["usage_not_saved"] * 2
