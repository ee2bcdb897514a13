"""Rings in memory and on disk, in a real folder: what is dropped comes back, what cannot be written stays."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.logs.files import Folder, Saved
from services.logs.rings import RETRY_S, Rings
from shared.store.port import StoreInUse
from tests.support.clock import ManualClock
from tests.support.logs import arrived, chunk_of

JOBS = [f"01JD00000000000000000000{number:02d}" for number in range(20)]
LIMIT = 200_000


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "logs")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def rings(folder: Folder, clock: ManualClock) -> AsyncIterator[Rings]:
    rings = Rings(folder, clock, LIMIT)
    await rings.on_disk(folder.open)
    yield rings
    await rings.close()


async def fill(rings: Rings, jobs: list[str], position: int = 0) -> int:
    for job_id in jobs:
        position += 1
        await rings.add(position, arrived(chunk_of(position, 300, job_id=job_id)))
    return position


async def held(rings: Rings, job_id: str) -> list[int]:
    ring = await rings.find(job_id)
    return [] if ring is None else [chunk.seq for chunk in ring.kept]


def on_disk(folder: Folder) -> set[str]:
    return {file.stem for file in folder.path.glob("*/*.ring")}


async def test_a_job_without_lines_has_no_ring(rings: Rings) -> None:
    assert await rings.find(JOBS[0]) is None
    assert rings.bytes == 0


async def test_the_least_used_are_written_and_dropped_and_come_back(rings: Rings, folder: Folder) -> None:
    await fill(rings, JOBS)
    assert rings.bytes > LIMIT
    await rings.shrink()
    assert rings.bytes <= LIMIT
    dropped = on_disk(folder)
    assert dropped == set(JOBS[: len(dropped)])
    for number, job_id in enumerate(JOBS, 1):
        assert await held(rings, job_id) == [number]
        await rings.shrink()
        assert rings.bytes <= LIMIT


async def test_a_dropped_ring_goes_on_where_it_was(rings: Rings) -> None:
    position = await fill(rings, JOBS)
    await rings.shrink()
    await rings.add(position + 1, arrived(chunk_of(1, 300, job_id=JOBS[0])))
    await rings.add(position + 2, arrived(chunk_of(301, 5, job_id=JOBS[0])))
    assert await held(rings, JOBS[0]) == [1, 301]


async def test_one_ring_is_loaded_once(rings: Rings) -> None:
    await fill(rings, JOBS)
    await rings.shrink()
    found = await asyncio.gather(*(rings.find(JOBS[0]) for _ in range(5)))
    assert all(ring is found[0] for ring in found)


async def test_idle_rings_leave_the_memory(rings: Rings, clock: ManualClock, folder: Folder) -> None:
    await fill(rings, JOBS[:3])
    clock.advance(100)
    assert await held(rings, JOBS[1]) == [2]
    await rings.drop_idle(60)
    assert on_disk(folder) == {JOBS[0], JOBS[2]}
    assert rings.bytes < LIMIT / 6
    assert await held(rings, JOBS[0]) == [1]


async def test_only_what_changed_is_written(rings: Rings, folder: Folder) -> None:
    position = await fill(rings, JOBS[:3])
    assert await rings.save()
    for file in folder.path.glob("*/*.ring"):
        file.unlink()
    await fill(rings, JOBS[:1], position)
    assert await rings.save()
    assert on_disk(folder) == {JOBS[0]}


async def test_a_disk_that_refuses_costs_memory_not_lines(
    rings: Rings, folder: Folder, clock: ManualClock, capsys: pytest.CaptureFixture[str]
) -> None:
    await fill(rings, JOBS)
    away = folder.path.rename(folder.path.with_name("away"))
    folder.path.write_text("no folder")
    await rings.shrink()
    await rings.shrink()
    assert not await rings.save()
    assert rings.bytes > LIMIT
    assert capsys.readouterr().out.count("consoles_not_saved") == 1
    folder.path.unlink()
    away.rename(folder.path)
    clock.advance(RETRY_S)
    await rings.shrink()
    assert rings.bytes <= LIMIT
    assert "consoles_saved_again" in capsys.readouterr().out
    assert [await held(rings, job_id) for job_id in JOBS] == [[number] for number in range(1, len(JOBS) + 1)]


async def test_a_file_that_cannot_be_read_is_kept_aside(rings: Rings, folder: Folder) -> None:
    await rings.on_disk(lambda: folder.write(JOBS[0], [b"nonsense"]))
    assert await rings.find(JOBS[0]) is None
    await fill(rings, JOBS[:1])
    assert await held(rings, JOBS[0]) == [1]
    assert [file.read_bytes() for file in folder.path.glob("*/*.unreadable")] == [b"nonsense"]


def test_a_folder_belongs_to_one(folder: Folder) -> None:
    folder.open()
    other = Folder(folder.path)
    with pytest.raises(StoreInUse):
        other.open()
    folder.close()
    other.open()
    other.close()


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"created": "x", "era": "y", "position": 3, "more": 1}'])
def test_a_position_that_cannot_be_read_is_none(folder: Folder, text: str) -> None:
    folder.open()
    (folder.path / "position.json").write_text(text)
    assert folder.saved() is None
    folder.save(Saved("x", "y", 3))
    assert folder.saved() == Saved("x", "y", 3)
    folder.close()


async def test_lines_and_gaps_are_counted_once_however_often_they_come(rings: Rings) -> None:
    for position, chunk in enumerate((chunk_of(1, 10), chunk_of(1, 10), chunk_of(8, 5)), start=1):
        await rings.add(position, arrived(chunk))
    assert (rings.lines, rings.lost, rings.gaps) == (12, 0, 0)
    await rings.add(4, arrived(chunk_of(21, 1)))
    assert (rings.lines, rings.lost, rings.gaps) == (13, 8, 1)
