"""A storage that does not answer has its own threads, a bounded number of them, and keeps back nobody else."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from services.executor.storages import AT_ONCE, Silent, Storages
from tests.support.disks import Frozen, freezing_disk
from tests.support.platform import CHECKOUT
from tests.support.silent import Silence, silent_storage
from tests.support.waiting import LONG_S, until

TOUCH = """
import asyncio, os, pathlib, sys
from services.executor.storages import Silent, Storages
path = pathlib.Path(sys.argv[1])
try:
    asyncio.run(Storages(0.01).at(path, lambda: os.stat(path)))
except Silent:
    print("silent")
"""
IMPATIENT_S = 0.01
"""Patience for one whose storage never answers; the healthy ones have as much as they need."""


@pytest.fixture
def away(tmp_path: Path) -> Iterator[Silence]:
    with silent_storage(tmp_path / "away") as storage:
        yield storage


@pytest.fixture
def frozen(tmp_path: Path) -> Iterator[Frozen]:
    with freezing_disk(tmp_path / "frozen") as disk:
        yield disk


def hanging(folder: Path) -> int:
    """Threads that are at something in the folder."""
    return sum(thread.name.startswith(f"at {folder}") for thread in threading.enumerate())


async def answered(storages: Storages, folder: Path) -> bool:
    """Whether a storage has work done; however slow this machine is, it is asked again."""
    try:
        return await storages.at(folder, lambda: "done") == "done"
    except Silent:
        return False


async def silent(storages: Storages, path: Path) -> None:
    with pytest.raises(Silent) as caught:
        await storages.at(path, partial(os.stat, path))
    assert caught.value.filename == str(path)


async def test_work_is_done_and_its_errors_are_its_own(tmp_path: Path) -> None:
    storages = Storages()
    assert await storages.at(tmp_path, lambda: 7) == 7
    with pytest.raises(FileNotFoundError):
        await storages.at(tmp_path / "no", partial(os.stat, tmp_path / "no"))
    with pytest.raises(ZeroDivisionError):
        await storages.at(tmp_path, lambda: 1 // 0)


async def test_more_work_than_threads_is_all_done(tmp_path: Path) -> None:
    storages, done = Storages(), list[int]()
    numbers = range(5 * AT_ONCE)
    await asyncio.gather(*(storages.at(tmp_path / str(n), partial(done.append, n)) for n in numbers))
    assert sorted(done) == list(numbers)


async def test_a_silent_storage_takes_so_many_threads_and_nobody_elses(tmp_path: Path, away: Silence) -> None:
    storages = Storages(IMPATIENT_S)
    everyone = await asyncio.gather(
        *(silent(storages, away.folder / str(number)) for number in range(3 * AT_ONCE)), return_exceptions=True
    )
    assert everyone == [None] * 3 * AT_ONCE
    assert hanging(away.folder) == AT_ONCE
    await silent(storages, away.folder / "one more")
    assert hanging(away.folder) == AT_ONCE
    await until(partial(answered, storages, tmp_path), "the other one answers")


async def test_one_path_that_hangs_takes_one_thread_however_often_it_is_asked_for(away: Silence) -> None:
    storages = Storages(IMPATIENT_S)
    for _ in range(3):
        await silent(storages, away.folder / "a")
    assert hanging(away.folder) == 1


async def test_a_link_into_a_silent_storage_takes_threads_of_that_one(tmp_path: Path, away: Silence) -> None:
    storages = Storages(IMPATIENT_S)
    (tmp_path / "link").symlink_to(away.folder)
    for number in range(2 * AT_ONCE):
        await silent(storages, tmp_path / "link" / str(number))
    await until(partial(answered, storages, tmp_path), "the storage that has the link answers")


async def test_a_storage_that_answers_again_is_asked_again(frozen: Frozen) -> None:
    storages = Storages(IMPATIENT_S)
    frozen.freeze()
    with pytest.raises(Silent):
        await storages.at(frozen.folder / "a", partial(os.mkdir, frozen.folder / "a"))
    frozen.thaw()
    await until(lambda: not hanging(frozen.folder), "it has come back")
    await until(partial(answered, storages, frozen.folder / "a"), "the path is asked again")


async def test_work_is_not_begun_any_more_where_the_way_to_it_hung(away: Silence) -> None:
    storages, done = Storages(IMPATIENT_S), list[int]()
    with pytest.raises(Silent):
        await storages.at(away.folder / "a", partial(done.append, 1))
    away.end()
    await until(lambda: not hanging(away.folder), "it has come back")
    assert done == []


def test_a_thread_that_hangs_keeps_no_process_from_its_end(away: Silence) -> None:
    command = [sys.executable, "-c", TOUCH, str(away.folder / "a")]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True, timeout=LONG_S)
    assert done.stdout == "silent\n"


async def test_whoever_waits_and_goes_leaves_his_place_to_the_next(tmp_path: Path) -> None:
    storages, go = Storages(), threading.Event()
    first = [asyncio.create_task(storages.at(tmp_path / str(n), go.wait)) for n in range(AT_ONCE)]
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(storages.at(tmp_path, lambda: 1)) for _ in range(3)]
    await asyncio.sleep(0)
    first[0].cancel()
    waiting[0].cancel()
    go.set()
    assert await asyncio.gather(*waiting[1:]) == [1, 1]
    assert await asyncio.gather(*first[1:]) == [True] * (AT_ONCE - 1)
    assert await storages.at(tmp_path, lambda: 2) == 2
