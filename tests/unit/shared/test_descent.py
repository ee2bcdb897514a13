"""Paths of runs are gone down name by name: what a link leads to is neither found, nor made, nor given away."""

import os
from pathlib import Path

import pytest

from services.executor.backends.ownership import give
from shared import descent

SOMEBODY = 1000


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    (tmp_path / "elsewhere" / "in").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    return tmp_path / "elsewhere"


def test_what_lies_at_a_path_is_found(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "file").touch()
    for path in (tmp_path / "a" / "b", tmp_path / "a" / "file", Path("/")):
        file = descent.reached(path)
        assert os.path.samestat(os.fstat(file), path.stat())
        os.close(file)


@pytest.mark.parametrize("path", ["link", "link/in", "link/none", "none", "none/in"])
def test_a_link_on_the_way_leads_nowhere(tmp_path: Path, elsewhere: Path, path: str) -> None:
    with pytest.raises(descent.Misled, match=str(tmp_path / path)) as caught:
        descent.reached(tmp_path / path)
    assert caught.value.path == tmp_path / path
    assert list(elsewhere.iterdir()) == [elsewhere / "in"]


def test_folders_are_made_and_none_behind_a_link(tmp_path: Path, elsewhere: Path) -> None:
    descent.make(tmp_path / "a" / "b" / "c")
    descent.make(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()
    for path in (tmp_path / "link" / "made", tmp_path / "link"):
        with pytest.raises(NotADirectoryError, match=str(tmp_path / "link")):
            descent.make(path)
    assert list(elsewhere.iterdir()) == [elsewhere / "in"]


def test_a_file_is_written_whole_in_place_of_what_has_its_name_and_removed_without_what_it_leads_to(
    tmp_path: Path, elsewhere: Path
) -> None:
    kept, path = elsewhere / "in" / "kept", tmp_path / "file"
    kept.write_text("as it was")
    path.symlink_to(kept)
    descent.write(path, "new")
    assert (path.read_text(), path.is_symlink(), path.stat().st_mode & 0o777) == ("new", False, 0o644)
    descent.remove(path)
    descent.remove(path)
    path.symlink_to(kept)
    descent.remove(path)
    assert kept.read_text() == "as it was"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["elsewhere", "link"]


def test_nothing_is_written_or_removed_behind_a_link_and_the_path_is_said(tmp_path: Path, elsewhere: Path) -> None:
    (elsewhere / "kept").write_text("as it was")
    for change in (lambda path: descent.write(path, "new"), descent.remove):
        with pytest.raises(OSError, match=str(tmp_path / "link" / "kept")):
            change(tmp_path / "link" / "kept")
    assert (elsewhere / "kept").read_text() == "as it was"


def test_a_file_is_made_once_and_none_behind_a_link(tmp_path: Path, elsewhere: Path) -> None:
    made = tmp_path / "mark"
    descent.mark(made)
    made.write_text("kept")
    descent.mark(made)
    assert made.read_text() == "kept"
    with pytest.raises(descent.Misled, match=str(tmp_path / "link")):
        descent.mark(tmp_path / "link" / "mark")
    with pytest.raises(OSError, match=str(tmp_path / "none")):
        descent.mark(tmp_path / "none" / "mark")
    (tmp_path / "dangling").symlink_to(elsewhere / "made")
    descent.mark(tmp_path / "dangling")
    assert list(elsewhere.iterdir()) == [elsewhere / "in"]


def test_no_descriptor_stays_open(tmp_path: Path, elsewhere: Path) -> None:
    before = os.listdir("/proc/self/fd")
    for path in (tmp_path / "link" / "in", tmp_path / "link", tmp_path / "none" / "in"):
        with pytest.raises(descent.Misled):
            descent.reached(path)
    assert os.listdir("/proc/self/fd") == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_only_what_was_just_made_is_given_away(tmp_path: Path, elsewhere: Path) -> None:
    job = tmp_path / "job"
    (job / "checkpoints").mkdir(parents=True)
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "weights").touch()
    (tmp_path / "full").write_text("written")
    for path in (job, job / "checkpoints", tmp_path / "kept", tmp_path / "full"):
        give(path, SOMEBODY, SOMEBODY)
    owners = [(tmp_path / name).stat().st_uid for name in ("job", "job/checkpoints", "kept", "full")]
    assert owners == [SOMEBODY, SOMEBODY, 0, 0]
    give(job, 1, 1)
    assert job.stat().st_uid == SOMEBODY, "what is somebody's stays theirs"
    with pytest.raises(descent.Misled):
        give(tmp_path / "link" / "in", SOMEBODY, SOMEBODY)
    assert (elsewhere / "in").stat().st_uid == 0
