"""Folders and files of a run, given to the user that it is: an executor that is root makes them as root.

Only what is as this executor has made it is given away: its own, with nothing in it but empty folders of its own, the
rank table that it has just written, and what is the user's already. A folder that root keeps for others stays root's,
whoever names it in a submission. What is given is a descriptor's (`descent`), so a link that somebody has put on the
way gives nothing of what it leads to.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared import descent


def give(path: str | Path, user: int, group: int, table: Path | None = None) -> None:
    """Only root can; any other executor is that user itself. `table`: the run's, if it has one. Raises OSError."""
    if os.geteuid() != 0:
        return
    with _held(path) as file:
        if _is_fresh(file, user, table):
            os.chown(f"/proc/self/fd/{file}", user, group)


def share(path: str | Path, user: int, group: int) -> None:
    """`give` for an executor that may be neither root nor that user: then the group may write. Raises OSError.

    A folder that is no fresh one is left as it is: whoever names it in a submission opens it to nobody.
    """
    if os.geteuid() in (0, user):
        give(path, user, group)
        return
    with _held(path) as file:
        if not _is_fresh(file, user):
            return
        here = f"/proc/self/fd/{file}"
        os.chown(here, -1, group)
        os.chmod(here, stat.S_IMODE(os.fstat(file).st_mode) | stat.S_ISGID | stat.S_IRWXG)


@contextmanager
def _held(path: str | Path) -> Iterator[int]:
    """A descriptor of it. Whatever cannot be done to it is said with its path."""
    file = descent.reached(Path(path))
    try:
        yield file
    except OSError as error:
        raise OSError(error.errno, os.strerror(error.errno or 0), str(path)) from error
    finally:
        os.close(file)


def _is_fresh(file: int, user: int, table: Path | None = None) -> bool:
    found = os.fstat(file)
    if found.st_uid != os.geteuid():
        return False
    if not stat.S_ISDIR(found.st_mode):
        return found.st_size == 0 and found.st_nlink == 1
    with os.scandir(f"/proc/self/fd/{file}") as entries:
        return all(_is_theirs(entry, user) or _is_the_table(entry, table) for entry in entries)


def _is_theirs(entry: "os.DirEntry[str]", user: int) -> bool:
    if entry.stat(follow_symlinks=False).st_uid == user:
        return True
    return entry.is_dir(follow_symlinks=False) and not os.listdir(entry.path)


def _is_the_table(entry: "os.DirEntry[str]", table: Path | None) -> bool:
    return table is not None and entry.name == table.name and entry.is_file(follow_symlinks=False)
