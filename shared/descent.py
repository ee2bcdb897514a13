"""Down a path from the root, one name after another, and never along a link.

Paths of jobs are checked once, with every link in them followed (`shared/paths.py`), and used later: after an image was
pulled, minutes may have gone by. Whoever can rename a folder above could put a link there meanwhile. A path that is
gone down like this leads where its own text says, or nowhere, so what was checked of the text holds for what is found.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

_STEP = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


class Misled(OSError):
    """There is a link, or nothing of the kind that was expected, on the way to `path`."""

    def __init__(self, error: OSError, path: Path) -> None:
        words = f"The path {path} cannot be reached ({os.strerror(error.errno or 0)})"
        super().__init__(error.errno, words, str(path))
        self.path = path

    def __str__(self) -> str:
        return str(self.strerror)


def reached(path: Path) -> int:
    """What lies at the absolute path, as a descriptor that is good for looking only. Raises Misled.

    While it is held, no other thing of the same file system can have the same number.
    """
    try:
        above = _opened(path.parent)
        try:
            file = os.open(path.name or ".", _STEP, dir_fd=above)
        finally:
            os.close(above)
    except OSError as error:
        raise Misled(error, path) from error
    if stat.S_ISLNK(os.fstat(file).st_mode):
        os.close(file)
        raise Misled(OSError(errno.ELOOP, ""), path)
    return file


def mark(path: Path) -> None:
    """Something at this path, an empty file if there is nothing yet. Raises OSError."""
    above = reached(path.parent)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        os.close(os.open(path.name, flags, 0o644, dir_fd=above))
    except FileExistsError:
        pass
    except OSError as error:
        raise OSError(error.errno, os.strerror(error.errno or 0), str(path)) from error
    finally:
        os.close(above)


def make(path: Path) -> None:
    """The folder and all above it, as far as they are not there. Raises OSError."""
    os.close(_opened(path, make=True))


def write(path: Path, text: str) -> None:
    """A file of this text, which all may read, in place of whatever has its name. Raises OSError.

    It has its name once all of it is there. The folder may be a job's, and anything may lie in it: what is in the way
    is replaced, and never followed.
    """
    fresh = f".{path.name}.new"
    with _beside(path) as folder:
        _unlink(fresh, folder)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(fresh, flags, 0o644, dir_fd=folder), "w") as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(text)
        os.rename(fresh, path.name, src_dir_fd=folder, dst_dir_fd=folder)


def remove(path: Path) -> None:
    """The file, if there is one; of a link the link itself. Raises OSError."""
    with _beside(path) as folder:
        _unlink(path.name, folder)


def _unlink(name: str, folder: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[int]:
    """The folder that it is to lie in. Whatever cannot be done there is said with the path."""
    try:
        folder = reached(path.parent)
        try:
            yield folder
        finally:
            os.close(folder)
    except OSError as error:
        raise OSError(error.errno, os.strerror(error.errno or 0), str(path)) from error


def _opened(path: Path, make: bool = False) -> int:
    """A folder."""
    file = os.open("/", _STEP | os.O_DIRECTORY)
    for at in [*reversed(path.parents), path][1:]:
        above = file
        try:
            if make:
                _make(above, at.name)
            file = os.open(at.name, _STEP | os.O_DIRECTORY, dir_fd=above)
        except OSError as error:  # the last name alone would say little
            raise OSError(error.errno, os.strerror(error.errno or 0), str(at)) from error
        finally:
            os.close(above)
    return file


def _make(above: int, name: str) -> None:
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, dir_fd=above)
