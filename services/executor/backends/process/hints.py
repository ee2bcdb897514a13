"""The executor's end of the pipe that supervisors announce themselves on."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from services.executor.backends.process.announce import PIPE
from services.executor.backends.process.marks import Facts, facts_of

_READ_BYTES = 1 << 20

Hint = Callable[[str, str, Facts], None]
"""(run id, what, facts)."""


class Hints:
    """Calls `heard` for every hint that arrives."""

    def __init__(self, home: Path, heard: Hint) -> None:
        self._path = home / PIPE
        self._heard = heard
        self._file = -1
        self._rest = b""

    def open(self) -> None:
        with contextlib.suppress(FileExistsError):
            os.mkfifo(self._path, 0o600)
        # for reading and writing, so that it does not end when the last supervisor closes it
        self._file = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        asyncio.get_running_loop().add_reader(self._file, self._read)

    def close(self) -> None:
        if self._file >= 0:
            asyncio.get_running_loop().remove_reader(self._file)
            os.close(self._file)
            self._file = -1

    def _read(self) -> None:
        try:
            data = os.read(self._file, _READ_BYTES)
        except BlockingIOError:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            run_id, what, *pairs = line.decode().split(" ")
            self._heard(run_id, what, facts_of(pairs))
