"""Whole outputs after the end of their runs: kept, found, and given up by age and by size, the oldest first."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.executor.outputs import Outputs
from tests.support.clock import ManualClock

KIB = 1 << 10
YEARS_S = 10 * 365 * 86_400


@pytest.fixture
def live(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime.now(UTC))


def outputs_at(live: Path, clock: ManualClock, keep_s: float = 3600, keep_bytes: int = 1 << 20) -> Outputs:
    return Outputs(live.parent / "outputs", lambda run_id: live / f"{run_id}.output", keep_s, keep_bytes, clock)


def write(live: Path, run_id: str, size: int = 10) -> Path:
    path = live / f"{run_id}.output"
    path.write_bytes(b"x" * size)
    return path


async def keep(outputs: Outputs, live: Path, sizes: dict[str, int]) -> None:
    """One after another: each is younger than the one before it, as far as the file system tells moments apart."""
    before = 0
    for name, size in sizes.items():
        write(live, name, size)
        await outputs.keep([name])
        path = outputs.path(name)
        assert path is not None
        while path.stat().st_ctime_ns <= before:
            path.chmod(0o600)
        before = path.stat().st_ctime_ns


def kept(outputs: Outputs, sizes: dict[str, int]) -> list[str]:
    return [name for name in sizes if outputs.path(name)]


async def test_an_output_is_found_where_it_is_written_and_then_where_it_is_kept(live: Path, clock: ManualClock) -> None:
    outputs = outputs_at(live, clock)
    assert outputs.path("a.1") is None
    written = write(live, "a.1")
    assert outputs.path("a.1") == written
    (live / "a.1.shipped").touch()
    await outputs.keep(["a.1", "silent.1"])
    found = outputs.path("a.1")
    assert found is not None and found.parent == live.parent / "outputs"
    assert found.read_bytes() == b"x" * 10
    assert os.listdir(live) == [], "what lay beside it is gone"
    assert outputs.path("silent.1") is None


async def test_to_keep_twice_loses_nothing(live: Path, clock: ManualClock) -> None:
    outputs = outputs_at(live, clock)
    write(live, "a.1")
    await outputs.keep(["a.1"])
    await outputs.keep(["a.1"])
    assert outputs.path("a.1") is not None


async def test_what_is_too_old_goes(live: Path, clock: ManualClock) -> None:
    outputs = outputs_at(live, clock, keep_s=60)
    await keep(outputs, live, {"a.1": 10})
    clock.advance(30)
    await outputs.expire()
    assert outputs.path("a.1") is not None
    clock.advance(60)
    await outputs.expire()
    assert outputs.path("a.1") is None


async def test_of_what_is_too_much_the_oldest_go(live: Path, clock: ManualClock) -> None:
    outputs, sizes = outputs_at(live, clock, keep_bytes=512 * KIB), dict.fromkeys("cabfed", 100 * KIB)
    await keep(outputs, live, sizes)
    await outputs.expire()
    assert kept(outputs, sizes) == ["a", "b", "f", "e", "d"]


async def test_what_takes_more_than_its_share_goes_before_what_others_have_written(
    live: Path, clock: ManualClock
) -> None:
    outputs, sizes = outputs_at(live, clock, keep_bytes=512 * KIB), {"a": 100 * KIB, "b": 200 * KIB, "c": 300 * KIB}
    await keep(outputs, live, sizes)
    await outputs.expire()
    assert kept(outputs, sizes) == ["a", "b"]


async def test_no_run_can_make_its_output_long_or_young(live: Path, clock: ManualClock) -> None:
    """With docker it can write the very file."""
    outputs, sizes = outputs_at(live, clock), {"a": 100 * KIB, "hostile": 100 * KIB}
    write(live, "hostile", 100 * KIB)
    os.truncate(live / "hostile.output", 1 << 40)
    os.utime(live / "hostile.output", times=(clock.now().timestamp() + YEARS_S,) * 2)
    await outputs.keep(["hostile"])
    await keep(outputs, live, {"a": 100 * KIB})
    await outputs.expire()
    assert kept(outputs, sizes) == ["a", "hostile"]
    clock.advance(2 * 3600)
    await outputs.expire()
    assert kept(outputs, sizes) == []


async def test_the_output_of_a_run_that_lives_is_never_given_up(live: Path, clock: ManualClock) -> None:
    outputs = outputs_at(live, clock, keep_s=0, keep_bytes=0)
    write(live, "a.1", 100 * KIB)
    clock.advance(1000)
    await outputs.expire()
    await outputs.keep([])
    await outputs.expire()
    assert outputs.path("a.1") == live / "a.1.output"
