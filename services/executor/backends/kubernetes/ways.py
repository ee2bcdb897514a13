"""What is kept on this disk of those who come into runs, for the next executor process.

Of a child that ends with its caller, that it was started: its stream ends with this process, and so must the child. Of
a program that lasts, the end of what it has written: its pod may be gone when somebody asks.
"""

from collections.abc import Iterator
from pathlib import Path

from services.executor.backends.kubernetes.programs import Process
from services.executor.backends.kubernetes.room import Room

FOLDER = ".ways"
_WORDS = ".output"
_CHILD = ".child"


class Ways:
    """The folders `<folder>/<run id>.ways`, which go with the run's other files. All of it touches the disk."""

    def __init__(self, folder: Path, room: Room) -> None:
        self._folder = folder
        self._room = room

    def words(self, run_id: str, name: str) -> Path:
        """The end of what the program of this name has written; it may not exist."""
        return self._of(run_id) / f"{name}{_WORDS}"

    def keep_words(self, run_id: str, name: str, data: bytes) -> None:
        """In place of what was kept before. Raises OSError when there is no room for it."""
        self._room.claim(len(data))
        path = self.words(run_id, name)
        temporary = path.with_name(f"{name}.new")
        temporary.write_bytes(data)
        temporary.rename(path)

    def begin(self, run_id: str, name: str) -> None:
        """Such a program was started, whatever it says."""
        path = self.words(run_id, name)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.touch(mode=0o600)

    def lasting(self) -> Iterator[tuple[str, str]]:
        """(run id, name) of all programs that were started and are not forgotten."""
        for path in self._folder.glob(f"*{FOLDER}/*{_WORDS}"):
            yield path.parent.name.removesuffix(FOLDER), path.name.removesuffix(_WORDS)

    def note(self, run_id: str, child: Process) -> None:
        """It was started, and is to end with its caller."""
        path = self._note(run_id, child)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.touch()

    def drop(self, run_id: str, child: Process) -> None:
        """It has ended."""
        self._note(run_id, child).unlink(missing_ok=True)

    def left(self) -> Iterator[tuple[str, Process]]:
        """Those of an earlier executor process."""
        for path in self._folder.glob(f"*{FOLDER}/*{_CHILD}"):
            pid, _, started = path.name.removesuffix(_CHILD).partition("-")
            yield path.parent.name.removesuffix(FOLDER), Process(int(pid), int(started))

    def _of(self, run_id: str) -> Path:
        return self._folder / f"{run_id}{FOLDER}"

    def _note(self, run_id: str, child: Process) -> Path:
        return self._of(run_id) / f"{child.pid}-{child.started}{_CHILD}"
