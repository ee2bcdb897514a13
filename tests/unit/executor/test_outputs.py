"""Whole outputs after the end of their runs: kept, found, and given up by age and by size, the oldest first."""

import os
from pathlib import Path

import pytest

from services.executor.outputs import Outputs


@pytest.fixture
def live(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


def outputs_at(live: Path, keep_s: float = 3600, keep_bytes: int = 1000) -> Outputs:
    return Outputs(live.parent / "outputs", lambda run_id: live / f"{run_id}.output", keep_s, keep_bytes)


def write(live: Path, run_id: str, size: int = 10) -> Path:
    path = live / f"{run_id}.output"
    path.write_bytes(b"x" * size)
    return path


def age(path: Path | None, seconds: float) -> None:
    assert path is not None
    modified = path.stat().st_mtime - seconds
    os.utime(path, (modified, modified))


async def test_an_output_is_found_where_it_is_written_and_then_where_it_is_kept(live: Path) -> None:
    outputs = outputs_at(live)
    assert outputs.path("a.1") is None
    written = write(live, "a.1")
    assert outputs.path("a.1") == written
    (live / "a.1.shipped").touch()
    await outputs.keep(["a.1", "silent.1"])
    kept = outputs.path("a.1")
    assert kept is not None and kept.parent == live.parent / "outputs"
    assert kept.read_bytes() == b"x" * 10
    assert os.listdir(live) == [], "what lay beside it is gone"
    assert outputs.path("silent.1") is None


async def test_to_keep_twice_loses_nothing(live: Path) -> None:
    outputs = outputs_at(live)
    write(live, "a.1")
    await outputs.keep(["a.1"])
    await outputs.keep(["a.1"])
    assert outputs.path("a.1") is not None


async def test_what_is_too_old_goes(live: Path) -> None:
    outputs = outputs_at(live, keep_s=60)
    for name in ("old.1", "new.1"):
        write(live, name)
    await outputs.keep(["old.1", "new.1"])
    age(outputs.path("old.1"), 61)
    age(outputs.path("new.1"), 30)
    await outputs.expire()
    assert outputs.path("old.1") is None
    assert outputs.path("new.1") is not None


async def test_of_what_is_too_much_the_oldest_go(live: Path) -> None:
    outputs = outputs_at(live, keep_bytes=1000)
    names = ["c.1", "a.1", "b.1"]
    for name in names:
        write(live, name, 400)
    await outputs.keep(names)
    for seconds, name in enumerate(reversed(names)):
        age(outputs.path(name), seconds)
    await outputs.expire()
    assert [name for name in names if outputs.path(name)] == ["a.1", "b.1"]


async def test_the_output_of_a_run_that_lives_is_never_given_up(live: Path) -> None:
    outputs = outputs_at(live, keep_s=0, keep_bytes=0)
    age(write(live, "a.1"), 1000)
    await outputs.expire()
    await outputs.keep([])
    await outputs.expire()
    assert outputs.path("a.1") == live / "a.1.output"
