"""What of a job's folder is put on a shelf for TensorBoard: its event files, and nothing that lies elsewhere."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.endpoints import shelf as module
from services.endpoints.shelf import Shelf, TooMany


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "own" / "tensorboard"
    (folder / "run" / "deep").mkdir(parents=True)
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "events.out.tfevents.9").write_text("others'")
    return folder


@pytest.fixture
def shelf(folder: Path) -> Iterator[Shelf]:
    shelf = Shelf(folder, 8)
    yield shelf
    shelf.clear()


def write(path: Path, text: str, at: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (at, at))


def shown(shelf: Shelf) -> dict[str, str]:
    """The texts, by their paths on the shelf."""
    found = (path for path in shelf.files.rglob("*") if path.is_symlink())
    return {str(path.relative_to(shelf.files)): path.read_text() for path in found}


def test_event_files_are_shown_at_their_paths_and_nothing_else_is(folder: Path, shelf: Shelf) -> None:
    write(folder / "events.out.tfevents.1", "top")
    write(folder / "run/deep/events.out.tfevents.2.v2", "deep")
    write(folder / "projector_config.pbtxt", "embeddings {}")
    write(folder / "run/plugins/profile/x.xplane.pb", "profile")
    (folder / "run/tfevents").mkdir()
    os.mkfifo(folder / "pipe.tfevents")
    assert shelf.fill() == 0
    assert shown(shelf) == {"events.out.tfevents.1": "top", "run/deep/events.out.tfevents.2.v2": "deep"}


@pytest.mark.parametrize("place", ["x.tfevents", "run/deep/x.tfevents", "x", "run/x"])
@pytest.mark.parametrize("target", ["others", "others/events.out.tfevents.9", "own/../others", "others/missing"])
def test_no_link_is_followed_at_any_depth(folder: Path, shelf: Shelf, place: str, target: str) -> None:
    (folder / place).symlink_to(folder.parents[1] / target)
    assert shelf.fill() == 0
    assert shown(shelf) == {}


def test_a_folder_that_is_replaced_by_a_link_shows_nothing_until_it_is_back(folder: Path, shelf: Shelf) -> None:
    write(folder / "events.out.tfevents.1", "own")
    shelf.fill()
    aside = folder.rename(folder.with_name("aside"))
    folder.symlink_to(folder.parents[1] / "others")
    assert shown(shelf) == {"events.out.tfevents.1": "own"}, "what was opened before is what is read"
    shelf.fill()
    assert shown(shelf) == {}
    folder.unlink()
    aside.rename(folder)
    shelf.fill()
    assert shown(shelf) == {"events.out.tfevents.1": "own"}


def test_a_file_that_is_swapped_for_a_link_after_the_look_is_still_the_same_file(folder: Path, shelf: Shelf) -> None:
    write(folder / "events.out.tfevents.1", "own")
    shelf.fill()
    (folder / "events.out.tfevents.1").unlink()
    (folder / "events.out.tfevents.1").symlink_to("/etc/passwd")
    assert shown(shelf) == {"events.out.tfevents.1": "own"}


def test_what_comes_later_grows_or_goes_is_seen(folder: Path, shelf: Shelf) -> None:
    write(folder / "a.tfevents", "a")
    shelf.fill()
    with (folder / "a.tfevents").open("a") as file:
        file.write("b")
    write(folder / "run/c.tfevents", "c")
    shelf.fill()
    assert shown(shelf) == {"a.tfevents": "ab", "run/c.tfevents": "c"}
    (folder / "a.tfevents").unlink()
    (folder / "run/c.tfevents").unlink()
    write(folder / "a.tfevents/d.tfevents", "d")
    write(folder / "run/c.tfevents", "another")
    shelf.fill()
    assert shown(shelf) == {"a.tfevents/d.tfevents": "d", "run/c.tfevents": "another"}


def test_a_descriptor_means_the_same_file_until_the_shelf_is_cleared(folder: Path, shelf: Shelf) -> None:
    write(folder / "a.tfevents", "a")
    shelf.fill()
    link = os.readlink(shelf.files / "a.tfevents")
    (folder / "a.tfevents").unlink()
    shelf.fill()
    assert Path(link).read_text() == "a"
    shelf.clear()
    assert not shelf.files.exists()
    assert not Path(link).exists()
    assert shelf.fill() == 0, "a look that comes late does nothing"


def test_the_newest_are_shown_where_there_are_too_many_and_the_rest_is_counted(folder: Path, shelf: Shelf) -> None:
    for number in range(10):
        write(folder / f"{number}.tfevents", "", at=number)
    os.link(folder / "9.tfevents", folder / "again.tfevents")
    assert shelf.fill() == 2
    assert sorted(shown(shelf)) == [*(f"{number}.tfevents" for number in range(2, 10)), "again.tfevents"]


def test_there_is_an_end_to_what_is_looked_at(folder: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = folder.joinpath(*["d"] * module.DEPTH)
    write(deep / "seen.tfevents", "")
    write(deep / "d" / "unseen.tfevents", "")
    write(folder.joinpath(*["n" * 250] * 5) / "unseen.tfevents", "")
    shelf.fill()
    assert [Path(name).name for name in shown(shelf)] == ["seen.tfevents"]
    monkeypatch.setattr(module, "ENTRIES", 10)
    with pytest.raises(TooMany, match="over 10 entries"):
        shelf.fill()
