"""What TensorBoard of a job that is over is shown: links to event files, each opened here, by its descriptor.

The job's folder may change at any moment, under the hands of another job that has the same one, and the platform's
process may read much that no job may. So it is given no path in the folder: a shelf is a folder of the platform's own,
in which each link leads to a descriptor of this process (`/proc/<pid>/fd/<number>`). That was opened down the path
without following a link (`shared/descent.py`), and is a regular file. Nothing is copied, and what is written into a
file that is shown is seen.

A descriptor stays open until the shelf is cleared, so its number means nothing else as long as somebody may look at it.
"""

import os
import shutil
import stat
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from shared import descent

NAMED = "tfevents"
"""In the name of each event file; TensorBoard knows them by it too. It finds no plugin's settings, which name paths."""
ENTRIES = 100_000
"""That are looked at; a folder with more is not shown."""
DEPTH = 32
"""Folders within one another; what lies deeper is not shown."""
NAME_BYTES = 1024
"""Of a file's path from the folder on; one with a longer path is not shown."""


class TooMany(ValueError):
    """The message is a sentence for the folder's owner."""


@dataclass(frozen=True)
class _Found:
    """A file at a path in the folder. `identity`: its file system's number, and its own there."""

    identity: tuple[int, int]
    changed_ns: int


class Shelf:
    """Of one folder, whose path has no link. `most`: files that are held open. Touches the disk: use it in threads."""

    def __init__(self, folder: Path, most: int) -> None:
        self._folder = folder
        self._most = most
        self._lock = threading.Lock()
        self._cleared = False
        self._base = Path(tempfile.mkdtemp(prefix="jobyard-tensorboard-"))
        self._shown: dict[str, tuple[int, int]] = {}
        self._open: dict[tuple[int, int], int] = {}
        self.files = self._base / "files"
        """What is shown."""
        self.home = self._base / "home"
        """Where the process that reads may write."""
        self.files.mkdir()
        self.home.mkdir()

    def fill(self) -> int:
        """Show what is there now, the newest first; how many files are left out. Raises TooMany, OSError."""
        found = _found(self._folder)
        with self._lock:
            if self._cleared:
                return 0
            for name, identity in list(self._shown.items()):
                if name not in found or found[name].identity != identity:
                    self._take_away(name)
            missing = sorted(found.keys() - self._shown.keys(), key=lambda name: found[name].changed_ns, reverse=True)
            return sum(not self._show(name, found[name].identity) for name in missing)

    def clear(self) -> None:
        """Once nobody reads it any more."""
        with self._lock:
            self._cleared = True
            shutil.rmtree(self._base, ignore_errors=True)
            while self._open:
                os.close(self._open.popitem()[1])

    def _show(self, name: str, identity: tuple[int, int]) -> bool:
        if identity not in self._open:
            if len(self._open) >= self._most:
                return False
            try:
                file = _opened(self._folder / name)
            except OSError:  # gone, or not for the platform to read
                return False
            held = _identity(os.fstat(file))
            if held != identity:  # another one since; the next look finds it
                os.close(file)
                return False
            self._open[identity] = file
        link = self.files / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(f"/proc/{os.getpid()}/fd/{self._open[identity]}")
        self._shown[name] = identity
        return True

    def _take_away(self, name: str) -> None:
        """With the folders that are empty then: there may be a file of their name."""
        del self._shown[name]
        link = self.files / name
        link.unlink()
        above = link.parent
        while above != self.files and not any(above.iterdir()):
            above.rmdir()
            above = above.parent


def _found(folder: Path) -> dict[str, _Found]:
    """The event files, by their paths from the folder on; none where there is no folder. No link is followed."""
    found: dict[str, _Found] = {}
    try:
        top = descent.reached(folder)
    except descent.Misled:
        return found
    seen = 0
    try:
        for at, folders, files, here in os.fwalk(".", dir_fd=top, follow_symlinks=False):
            seen += len(folders) + len(files)
            if seen > ENTRIES:
                raise TooMany(f"The folder {folder.name!r} of this job has over {ENTRIES} entries. It is not shown.")
            if at.count("/") >= DEPTH:
                folders.clear()
            for file in files:
                name = os.path.normpath(os.path.join(at, file))
                if NAMED not in file or len(os.fsencode(name)) > NAME_BYTES:
                    continue
                try:
                    status = os.stat(file, dir_fd=here, follow_symlinks=False)
                except OSError:
                    continue
                if stat.S_ISREG(status.st_mode):
                    found[name] = _Found(_identity(status), status.st_mtime_ns)
    finally:
        os.close(top)
    return found


def _opened(path: Path) -> int:
    """A regular file, to read. It is looked at first: opening what is none may do something. Raises OSError."""
    file = descent.reached(path)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise FileNotFoundError(path)
        return os.open(f"/proc/self/fd/{file}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(file)


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
