"""The folder of consoles: one file per job, the stream position up to which they are complete, and a lock.

A file is replaced whole or not at all (written beside, synced, renamed), so that a kill or a full disk leaves the one
before. Files of jobs that are over stay until an operator removes them. All of this blocks; call it from a thread.
"""

import fcntl
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from shared.store.port import StoreInUse


@dataclass(frozen=True)
class Saved:
    """How far the files are complete, and in which stream: all that a restart needs to know."""

    created: str
    """When the stream was made: another time means another stream."""
    era: str
    """Names a time in which stream sequences kept their meaning; new whenever they began again."""
    position: int
    partitions: str = "0/1"
    """Of which partitions they are complete."""


class Folder:
    """Files of one replica; held by one process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[bytes] | None = None

    def open(self) -> None:
        """Create and lock it. Raises StoreInUse when another process has it."""
        if self._lock is not None:
            return
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path.chmod(0o700)
        lock = (self.path / "lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise StoreInUse(f"Another log service uses {self.path}; set JOBYARD_LOGS_FOLDER for this one.") from None
        self._lock = lock

    def close(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def read(self, job_id: str) -> bytes | None:
        """The job's file, None when there is none. Raises OSError."""
        try:
            return self._file(job_id).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, job_id: str, pieces: Iterable[bytes]) -> None:
        """Replace the job's file. Raises OSError; then the old one is still there."""
        self._replace(self._file(job_id), pieces)

    def set_aside(self, job_id: str) -> Path:
        """Keep a file that cannot be read under another name, for a person to look at. Raises OSError."""
        file = self._file(job_id)
        return file.rename(file.with_suffix(".unreadable"))

    def saved(self) -> Saved | None:
        """How far the files are complete; None when that is not known."""
        try:
            return Saved(**json.loads((self.path / "position.json").read_bytes()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def save(self, saved: Saved) -> None:
        """Say how far the files are complete, after they are. Raises OSError."""
        self._replace(self.path / "position.json", [json.dumps(asdict(saved)).encode()])

    def _file(self, job_id: str) -> Path:
        """Spread over 1024 folders by the id's last, random characters."""
        return self.path / job_id[-2:] / f"{job_id}.ring"

    def _replace(self, file: Path, pieces: Iterable[bytes]) -> None:
        file.parent.mkdir(exist_ok=True)
        beside = file.with_suffix(".new")
        try:
            with beside.open("wb") as output:
                output.writelines(pieces)
                output.flush()
                os.fsync(output.fileno())
            beside.rename(file)
        except OSError:
            beside.unlink(missing_ok=True)
            raise
        folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
