"""A run's frames on this disk: how far its log is stored follows from them alone, so no kill can part the two."""

import errno
import os
from pathlib import Path

from services.executor.backends.frames import STDERR, STDOUT, frame, split
from services.executor.backends.kubernetes.room import Room
from services.executor.domain.pod_log import Position

_READ_BYTES = 1 << 20


class OutputFile:
    """All of it touches the disk, and raises OSError. `position`: where its log is to be read on."""

    def __init__(self, path: Path, room: Room) -> None:
        self._path = path
        self._room = room
        self.position = Position()
        self.size = 0
        self._sentences: set[bytes] = set()
        self._read()

    @property
    def full(self) -> bool:
        """Whether it has as much as is kept of a run: what is said behind that is no beginning any more."""
        return 0 < self._room.run_bytes <= self.size

    def append(self, frames: bytes) -> None:
        """All of it or nothing. Raises OSError when there is no room for what runs print."""
        self._room.claim(len(frames))
        self._write(frames)

    def add_sentence(self, time_ns: int, sentence: str) -> None:
        """What the platform says of the output, once. Raises OSError when the disk is full."""
        said = f"{sentence}\n".encode()
        if said not in self._sentences:
            self._write(frame(STDERR, time_ns, said))

    def _write(self, frames: bytes) -> None:
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            written = os.pwrite(file, frames, self.size)
            if written != len(frames):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            os.ftruncate(file, self.size)
            raise
        finally:
            os.close(file)
        self._advance(frames)

    def _read(self) -> None:
        """What follows the whole frames was not written whole."""
        try:
            with self._path.open("r+b") as file:
                rest = b""
                while data := file.read(_READ_BYTES):
                    data = rest + data
                    rest = data[self._advance(data) :]
                if rest:
                    file.truncate(self.size)
        except FileNotFoundError:
            pass

    def _advance(self, data: bytes) -> int:
        """Take in the whole frames at the start of the data; how many bytes they take."""
        frames, taken = split(data)
        for kind, time_ns, piece in frames:
            if kind == STDOUT:
                self.position = self.position.after(time_ns, piece)
            elif kind == STDERR:  # a container has one log, so all of these are the platform's
                self._sentences.add(piece)
        self.size += taken
        return taken
