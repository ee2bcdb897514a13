"""Folders of runs, as whoever the executor is: given away, shared with a group, or neither."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.executor.backends.ownership import give, share
from tests.support.platform import CHECKOUT

SOMEBODY, GROUP, RUNS = 54321, 54322, 54323
"""Numbers that this machine gives nobody."""
AS_SOMEBODY = """
import os, sys
from services.executor.backends.ownership import share
os.setgroups([int(group) for group in sys.argv[2:]])
os.setgid({somebody})
os.setuid({somebody})
try:
    share(sys.argv[1], {runs}, {group})
except PermissionError as error:
    print(error.filename)
"""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else for a while")


def shared_by_somebody(folder: Path, *groups: int) -> str:
    """What an executor that is neither root nor the user of runs says, if it may not."""
    code = AS_SOMEBODY.format(somebody=SOMEBODY, runs=RUNS, group=GROUP)
    command = [sys.executable, "-c", code, str(folder), *map(str, groups)]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=CHECKOUT).stdout.strip()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of somebody; who is not root has to be able to come there."""
    for each in (tmp_path, *tmp_path.parents):
        if each.stat().st_mode & 0o5 != 0o5:
            each.chmod(each.stat().st_mode | 0o5)
    made = tmp_path / "job"
    made.mkdir(mode=0o700)
    return made


@needs_root
def test_root_gives_the_folder_to_the_user_of_runs(folder: Path) -> None:
    share(folder, RUNS, GROUP)
    assert (folder.stat().st_uid, folder.stat().st_gid) == (RUNS, GROUP)


@needs_root
def test_somebody_else_shares_it_with_the_group_which_then_may_write(folder: Path) -> None:
    os.chown(folder, SOMEBODY, SOMEBODY)
    assert shared_by_somebody(folder, GROUP) == ""
    assert (folder.stat().st_uid, folder.stat().st_gid, folder.stat().st_mode & 0o7777) == (SOMEBODY, GROUP, 0o2770)


@needs_root
@pytest.mark.parametrize("name", ["kept", "rank-table-a.json"])
def test_root_gives_a_folder_with_the_runs_rank_table_and_with_no_other_file_of_its_own(
    folder: Path, name: str
) -> None:
    (folder / name).write_text("{}")
    give(folder, RUNS, GROUP, folder / "rank-table-a.json")
    assert (folder.stat().st_uid == RUNS) is (name == "rank-table-a.json")
    assert (folder / name).stat().st_uid == 0


@needs_root
def test_a_folder_that_somebody_else_keeps_files_in_is_opened_to_no_group_by_being_named(folder: Path) -> None:
    (folder / "kept").write_text("mine")
    for path in (folder, folder / "kept"):
        os.chown(path, SOMEBODY, SOMEBODY)
    assert shared_by_somebody(folder, GROUP) == ""
    assert (folder.stat().st_gid, folder.stat().st_mode & 0o7777) == (SOMEBODY, 0o700)


@needs_root
def test_who_is_not_in_the_group_is_told_which_folder_it_may_not_share(folder: Path) -> None:
    os.chown(folder, SOMEBODY, SOMEBODY)
    assert shared_by_somebody(folder) == str(folder)
    assert (folder.stat().st_gid, folder.stat().st_mode & 0o777) == (SOMEBODY, 0o700)


def test_the_user_itself_leaves_it_as_it_is(folder: Path) -> None:
    before = folder.stat()
    share(folder, os.geteuid(), os.getegid())
    assert (folder.stat().st_uid, folder.stat().st_mode) == (before.st_uid, before.st_mode)
