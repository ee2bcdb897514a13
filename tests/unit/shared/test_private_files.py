"""Files for their owner alone: whole, private from their first byte on, and never two first ones."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.private_files import create_private, write_private


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_file_is_replaced_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "new" / "key"
    write_private(path, "one")
    path.chmod(0o644)
    write_private(path, "two")
    assert (path.read_text(), mode(path)) == ("two", 0o600)
    assert list(path.parent.iterdir()) == [path]


def test_of_many_who_create_it_one_is_first_and_all_find_its_content(tmp_path: Path) -> None:
    path = tmp_path / "key"
    with ThreadPoolExecutor(8) as threads:
        first = list(threads.map(lambda number: create_private(path, str(number)), range(32)))
    assert sum(first) == 1
    assert (path.read_text(), mode(path)) == (str(first.index(True)), 0o600)
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        write_private(tmp_path / "file" / "key", "x")
