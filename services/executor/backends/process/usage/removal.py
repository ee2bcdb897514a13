"""Removes a group with all that a run has made in it, however deep that is and however long its paths have become.

Groups of version 1 have no limit on what is made inside of them. So the walk keeps one open folder and steps through
it by names and `..`, which neither Python's depth of calls, nor open files, nor the length of a path can end.
"""

import errno
import os

from services.executor.backends.process import linux

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_IN_USE = (errno.EBUSY, errno.ENOTEMPTY)


def removed(folder: str) -> bool:
    """Whether the group is gone; false while something lives in it. Raises OSError when it cannot be removed."""
    try:
        return _removed(folder) or (_is_left(folder) and _emptied(folder) and _removed(folder))
    except FileNotFoundError:
        return False  # somebody else removes it at the same time, and may not be done


def _is_left(folder: str) -> bool:
    """Whether no process is in the group itself: what a run has made in it is the run's while that lives."""
    return not linux.read(f"{folder}/cgroup.procs")


def _emptied(folder: str) -> bool:
    here = os.open(folder, _FOLDER)
    above: list[str] = []
    """What leads from the folder to where the walk is."""
    left = [_inside(here)]
    """Names not looked at yet, for each step of the way."""
    try:
        while True:
            if left[-1]:
                name = left[-1].pop()
                if not _removed(name, here):
                    here = _stepped(here, name)
                    above.append(name)
                    left.append(_inside(here))
                    if not left[-1]:
                        return False  # a process lives there
            elif above:
                here = _stepped(here, "..")
                left.pop()
                if not _removed(above.pop(), here):
                    return False
            else:
                return True
    finally:
        os.close(here)


def _stepped(here: int, name: str) -> int:
    there = os.open(name, _FOLDER, dir_fd=here)
    os.close(here)
    return there


def _removed(path: str, here: int | None = None) -> bool:
    try:
        os.rmdir(path, dir_fd=here)
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno in _IN_USE:
            return False
        raise
    return True


def _inside(here: int) -> list[str]:
    with os.scandir(here) as entries:
        return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
