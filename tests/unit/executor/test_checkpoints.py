"""What the node takes for a checkpoint, and for when it was written."""

import asyncio
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.executor.checkpoints import Looks, newest
from services.executor.domain.checkpoints import is_final
from services.executor.domain.record import RunRecord
from services.executor.storages import AT_ONCE
from tests.support.executor import record_of

T = 1_770_000_000
LONG_S = 60.0


def put(folder: Path, name: str, second: int) -> Path:
    path = folder / name
    path.write_text("x")
    os.utime(path, (T + second, T + second))
    return path


def at(second: int) -> datetime:
    return datetime.fromtimestamp(T + second, UTC)


@pytest.mark.parametrize("name", ["model.pt", "step-500", "last", "tmpfile.pkl", "a.tmp.pkl", "Ünï.bin"])
def test_final_names(name: str) -> None:
    assert is_final(name)


@pytest.mark.parametrize(
    "name",
    [".model.pt", ".unfinished-1-abc", "tmp-checkpoint-500", "tmp_x", "a.tmp", "A.TMP", "a.part", "a.partial", "a~"],
)
def test_names_of_what_is_not_finished(name: str) -> None:
    assert not is_final(name)


def test_the_newest_that_is_finished_counts(tmp_path: Path) -> None:
    put(tmp_path, "a.pkl", 1)
    put(tmp_path, "b.pkl", 3)
    put(tmp_path, "c.pkl.tmp", 9)
    put(tmp_path, ".hidden", 9)
    assert newest(tmp_path) == at(3)
    folder = tmp_path / "step-7"
    folder.mkdir()
    os.utime(folder, (T + 5, T + 5))
    assert newest(tmp_path) == at(5)


def test_a_file_from_the_future_was_written_now(tmp_path: Path) -> None:
    """Some file systems keep dates that no calendar has; with those of others the end of time comes sooner."""
    os.utime(put(tmp_path, "model.pt", 0), ns=(0, 2**62))
    found = newest(tmp_path)
    assert found is not None and abs((datetime.now(UTC) - found).total_seconds()) < 60
    os.utime(tmp_path / "model.pt", ns=(0, -1))
    assert newest(tmp_path) is None


def test_a_link_is_not_followed_and_what_can_not_be_read_is_none(tmp_path: Path) -> None:
    checkpoints = tmp_path / "checkpoints"
    checkpoints.mkdir()
    target = put(tmp_path, "elsewhere", 10**6)
    (checkpoints / "link").symlink_to(target)
    seen = newest(checkpoints)
    assert seen is not None
    assert seen != at(10**6)
    assert newest(tmp_path / "nowhere") is None
    assert newest(target) is None
    (tmp_path / "empty").mkdir()
    assert newest(tmp_path / "empty") is None


async def test_several_runs_are_looked_at_together_and_older_records_say_nothing(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    put(tmp_path / "a", "x", 4)
    a = record_of(id="a.1", checkpoint_path=str(tmp_path / "a"))
    b = record_of(id="b.1", checkpoint_path=str(tmp_path / "b"))
    old = record_of(id="c.1")
    looks = Looks()
    assert await looks.by_now([a, b, old], LONG_S) == {"a.1": at(4), "b.1": None}
    assert await looks.after(a, LONG_S) == at(4)
    assert await looks.after(old, LONG_S) is None


class Storage:
    """Answers for its healthy folders, and hangs over all others until it is `healed`."""

    def __init__(self) -> None:
        self.healed = threading.Event()
        self.asked: list[str] = []

    def look(self, folder: Path) -> datetime | None:
        self.asked.append(folder.name)
        if not folder.name.startswith("healthy"):
            self.healed.wait()
        return at(1)


@pytest.fixture
def storage() -> Iterator[Storage]:
    storage = Storage()
    yield storage
    storage.healed.set()


def of_folder(name: str) -> RunRecord:
    return record_of(id=f"{name}.1", checkpoint_path=f"/storage/{name}")


async def test_a_folder_that_hangs_is_left_out_and_costs_one_thread_however_often_it_is_asked(storage: Storage) -> None:
    looks = Looks(storage.look)
    for number in range(AT_ONCE + 1):
        healthy = of_folder(f"healthy-{number}")
        await until_in(looks, healthy, [of_folder("hangs"), healthy])
    assert storage.asked.count("hangs") == 1
    storage.healed.set()
    await until_in(looks, of_folder("hangs"), [of_folder("hangs")])


async def until_in(looks: Looks, wanted: RunRecord, asked: list[RunRecord]) -> None:
    """A loaded machine may be too late for a short patience, so it is asked again."""
    while wanted.id not in await looks.by_now(asked, 0.05):
        pass


async def test_folders_that_all_hang_keep_no_other_thread_from_working(storage: Storage) -> None:
    looks = Looks(storage.look)
    hanging = [of_folder(f"hangs-{number}") for number in range(2 * AT_ONCE)]
    assert await looks.by_now(hanging, 0.01) == {}
    with pytest.raises(TimeoutError):
        await looks.after(of_folder("healthy"), 0.01)
    assert await asyncio.to_thread(lambda: "worked") == "worked"
    storage.healed.set()
    assert await looks.after(of_folder("healthy"), LONG_S) == at(1)


async def test_a_look_at_the_end_of_a_run_is_not_one_that_began_before(storage: Storage) -> None:
    looks, run = Looks(storage.look), of_folder("hangs")
    assert await looks.by_now([run], 0.01) == {}
    storage.healed.set()
    assert await looks.after(run, LONG_S) == at(1)
    assert storage.asked == ["hangs", "hangs"]


def test_a_record_of_an_older_version_is_still_read() -> None:
    stored = record_of().model_dump(mode="json")
    del stored["checkpoint_path"]
    assert RunRecord.model_validate(stored, strict=False).checkpoint_path is None
