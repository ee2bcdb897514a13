"""A run's control socket, as its supervisor serves it: lines of JSON, and descriptors that travel beside them.

Nothing here waits. Whoever speaks another language, or does not take its answers, is cut off.
"""

import contextlib
import json
import os
import socket
import struct
from collections.abc import Sequence
from typing import Any

from services.executor.backends.process import marks

REQUEST_BYTES = 1 << 21
"""A request is larger than this by mistake only."""
FILES = 3
"""Descriptors that one request may bring."""
_RECEIVE = 65_536
_CREDENTIALS = struct.Struct("3i")


class Listener:
    """The socket in the run's folder `.ways`, which only its own user can reach."""

    def __init__(self, folder: str, home: str) -> None:
        """Bound by its name inside the folder: the path of a socket may not be longer than 107 bytes. Raises OSError.

        `home` is where the supervisor is afterwards, as it was before.
        """
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self._path = f"{folder}/{marks.CONTROL}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        before = os.umask(0o177)
        try:
            os.chdir(folder)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(marks.CONTROL)
            self._socket.bind(marks.CONTROL)
            self._socket.listen(64)
        except OSError:
            self._socket.close()
            raise
        finally:
            os.umask(before)
            os.chdir(home)

    def fileno(self) -> int:
        return self._socket.fileno()

    def accept(self) -> "Connection | None":
        """Whoever is next, if that is the run's own user. Raises OSError when there is no descriptor left."""
        try:
            connection, _ = self._socket.accept()
        except BlockingIOError:
            return None
        connection.setblocking(False)
        said = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        if _CREDENTIALS.unpack(said)[1] not in (0, os.geteuid()):
            connection.close()
            return None
        return Connection(connection)

    def close(self) -> None:
        """Nobody can come any more."""
        self._socket.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)


class Connection:
    """One who has come."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._rest = b""
        self._files: list[int] = []

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self) -> list[dict[str, Any]]:
        """The whole messages that have arrived. Raises OSError or ValueError when this is its end."""
        try:
            data, files, _, _ = socket.recv_fds(self._socket, _RECEIVE, FILES)
        except BlockingIOError:
            return []
        for file in files:  # no child may inherit another's; Python 3.11 passes no flag on that would say so at once
            os.set_inheritable(file, False)
        self._files += files
        if not data:
            raise ConnectionResetError
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > REQUEST_BYTES or len(self._files) > FILES:
            raise ValueError("more than a request holds")
        return [json.loads(line) for line in lines]

    def files(self) -> list[int]:
        """The descriptors that have come, to be closed by the caller."""
        files, self._files = self._files, []
        return files

    def send(self, message: dict[str, Any], files: Sequence[int] = ()) -> None:
        """At once, or not at all. Raises OSError."""
        line = json.dumps(message).encode() + b"\n"
        if socket.send_fds(self._socket, [line], files, socket.MSG_NOSIGNAL) != len(line):
            raise BlockingIOError

    def say(self, message: dict[str, Any], files: Sequence[int] = ()) -> None:
        """The same to one who may have gone, and then hears nothing."""
        with contextlib.suppress(OSError):
            self.send(message, files)

    def close(self) -> None:
        for file in self.files():
            os.close(file)
        self._socket.close()
