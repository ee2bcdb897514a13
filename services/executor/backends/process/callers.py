"""Whoever has come in through a run's control socket, as many as a process has descriptors for.

The supervisor's loop waits on all of them at once, so nothing here waits: too many are left standing outside.
"""

import contextlib
import select

from services.executor.backends.process.control import Connection, Listener

CONNECTIONS = 256
"""With the command's pipes well below the 1024 descriptors that a process may have by default."""
SPARE = 32
"""Connections beyond these, for those who are told that there are too many, and for those who end a child."""


class Callers:
    """Of one run; `folder` is where its socket lies."""

    def __init__(self, poll: "select.poll", folder: str, home: str) -> None:
        self._poll = poll
        self._folder = folder
        self._home = home
        self._listener: Listener | None = None
        self._paused = False
        self._connections: dict[int, Connection] = {}

    def open(self) -> None:
        """Be there for whoever wants to come in. On a full disk that is tried again when somebody asks again."""
        if self._listener is None:
            with contextlib.suppress(OSError):
                self._listener = Listener(self._folder, self._home)
                self._poll.register(self._listener, select.POLLIN)

    def close(self) -> None:
        """Nobody new comes in."""
        if self._listener is not None:
            self._listener.close()

    def let_in(self, file: int) -> bool:
        """Whoever waits outside; false if this descriptor is not the door."""
        if self._listener is None or file != self._listener.fileno():
            return False
        try:
            connection = self._listener.accept()
        except OSError:
            self._pause(True)
            return True
        if connection is not None:
            self._connections[connection.fileno()] = connection
            self._poll.register(connection, select.POLLIN)
            self._pause(len(self._connections) >= CONNECTIONS + SPARE)
        return True

    def at(self, file: int) -> Connection | None:
        """Who speaks on this descriptor."""
        return self._connections.get(file)

    def drop(self, connection: Connection) -> bool:
        """Part with them; false if that was done before."""
        if self._connections.pop(connection.fileno(), None) is None:
            return False
        self._poll.unregister(connection)
        connection.close()
        self._pause(False)
        return True

    def _pause(self, paused: bool) -> None:
        """Let others wait until somebody leaves."""
        if paused != self._paused and self._listener is not None:
            self._paused = paused
            self._poll.modify(self._listener, 0 if paused else select.POLLIN)
