"""A run's `output` file as its supervisor writes it: whole frames only, and never a reason for the job to wait.

What cannot be stored (a full disk) is dropped and counted; as soon as writing works again, a frame says what is
missing.
"""

import errno
import os
import time

from services.executor.backends.frames import HEADER, LOSS, LOST


class Output:
    """Appends to the file, which appears with the first byte."""

    def __init__(self, path: str) -> None:
        self.size = 0
        self._path = path
        self._file = -1
        self._lost: dict[int, tuple[int, int]] = {}

    def append(self, stream: int, data: bytes) -> None:
        """Store a piece of a stream, or count what it takes with it. Never raises."""
        try:
            self.settle()
            self._write(stream, data)
        except OSError:
            lines, size = self._lost.get(stream, (0, 0))
            self._lost[stream] = (lines + data.count(b"\n"), size + len(data))

    def settle(self) -> None:
        """Record the losses so far. Raises OSError while not even that can be written."""
        for stream, loss in list(self._lost.items()):
            self._write(stream | LOST, LOSS.pack(*loss))
            del self._lost[stream]

    def _write(self, kind: int, data: bytes) -> None:
        """Append one frame whole, or take back what was written of it. Raises OSError."""
        header = HEADER.pack(kind, time.time_ns(), len(data))
        if self._file < 0:
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        written = os.writev(self._file, (header, data))
        if written != len(header) + len(data):
            os.ftruncate(self._file, self.size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.size += written
