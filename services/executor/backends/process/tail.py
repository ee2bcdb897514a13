"""The end of what a child with a name has written, in a file of bounded size: it says later why the child has ended.

The run's secrets are masked in it as in the console, since it is quoted to people.
"""

import contextlib
import os
import select
from collections.abc import Sequence

from services.executor.backends.masking import Mask
from services.executor.backends.process import marks

LIMIT = 4 << 20
KEPT = 1 << 16
"""So much of the end remains when the file has grown to its limit."""
_READ_BYTES = 65_536
_LAST_READS = 64


class Tail:
    """The pipe that the child writes into, and the file."""

    def __init__(self, path: str, hidden: Sequence[str]) -> None:
        """Raises OSError."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._mask = Mask(hidden) if hidden else None
        self.reader, self.writer = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self.reader, False)

    def read(self) -> bool:
        """Take what has arrived; false when nothing more can come."""
        try:
            data = os.read(self.reader, _READ_BYTES)
        except BlockingIOError:
            return True
        self._append(data if self._mask is None else self._mask.feed(data) if data else self._mask.flush())
        return bool(data)

    def drain(self) -> None:
        """Take what the child has left in the pipe; what it has started may go on writing."""
        for _ in range(_LAST_READS):
            try:
                data = os.read(self.reader, _READ_BYTES)
            except BlockingIOError:
                break
            if not data:
                break
            self._append(data if self._mask is None else self._mask.feed(data))
        if self._mask is not None:
            self._append(self._mask.flush())

    def close(self) -> None:
        os.close(self.reader)
        os.close(self._file)

    def _append(self, data: bytes) -> None:
        """What a full disk cannot take is lost."""
        with contextlib.suppress(OSError):
            size = os.fstat(self._file).st_size
            if size + len(data) > LIMIT:
                kept = os.pread(self._file, KEPT, max(0, size - KEPT))
                os.ftruncate(self._file, 0)
                os.write(self._file, kept)
            os.write(self._file, data)


class Tails:
    """Those of one run, read as its supervisor's loop finds them ready; each lies in `folder`."""

    def __init__(self, poll: "select.poll", folder: str, hidden: Sequence[str]) -> None:
        self._poll = poll
        self._folder = folder
        self._hidden = hidden
        self._tails: dict[int, Tail] = {}

    def begin(self, name: str) -> Tail:
        """Of the child with this name. Raises OSError."""
        tail = Tail(f"{self._folder}/{name}{marks.OUTPUT}", self._hidden)
        self._tails[tail.reader] = tail
        self._poll.register(tail.reader, select.POLLIN)
        return tail

    def read(self, file: int) -> bool:
        """Take what has arrived; false if this descriptor is none of theirs."""
        tail = self._tails.get(file)
        if tail is None:
            return False
        if not tail.read():
            self.forget(tail)
        return True

    def drain(self, tail: Tail) -> None:
        """Its child has ended: take what is left in the pipe, unless that has ended too."""
        if self._tails.get(tail.reader) is tail:
            tail.drain()

    def forget(self, tail: Tail) -> None:
        del self._tails[tail.reader]
        self._poll.unregister(tail.reader)
        tail.close()
