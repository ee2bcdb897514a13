"""Connections to a run's ports, made by its supervisor: nobody else is in its network, and none leads there.

The executor hands in one end of two sockets that it has made, and the supervisor carries bytes between that and the
program (`relaying`). So a program that listens on the container's loopback is reached like any other, and no packet of
it leaves the container. Runs in the container; standard library only.

    -> {"dial": 8888} and a socket
    <- {"dialed": true}, or {"refused": "not_listening", "message": "..."}
"""

import select
import socket
from collections.abc import Sequence
from typing import Any

from services.executor.backends.docker.relaying import Relays
from services.executor.backends.process import listeners
from services.executor.backends.process.children import TOO_MANY, Children
from services.executor.backends.process.control import Connection

NOT_LISTENING = "not_listening"
CONNECT_S = 1.0
"""A program that listens is connected to at once, unless too many wait for it already."""
CONNECTIONS = 256
"""Two descriptors each, of the 1024 that a process may have by default."""


class DiallingChildren(Children):
    """Children of a run, and its ports."""

    def __init__(
        self, poll: "select.poll", base: str, home: str, cwd: str, env: dict[str, str], hidden: Sequence[str]
    ) -> None:
        super().__init__(poll, base, home, cwd, env, hidden)
        self._relays = Relays(poll)

    def serve(self, file: int, running: bool) -> bool:
        return super().serve(file, running) or self._relays.move(file)

    def _answer(self, connection: Connection, message: dict[str, Any], running: bool) -> None:
        if "dial" not in message:
            super()._answer(connection, message, running)
            return
        [near] = [socket.socket(fileno=file) for file in connection.files()]
        connection.say(self._dial(near, int(message["dial"])))

    def _dial(self, near: socket.socket, port: int) -> dict[str, Any]:
        refused = {"refused": TOO_MANY, "message": f"{CONNECTIONS} connections into the run are open"}
        if len(self._relays) < CONNECTIONS:
            far = dial(port)
            if far is not None:
                self._relays.begin(near, far)
                return {"dialed": True}
            refused = {"refused": NOT_LISTENING, "message": "nothing listens there"}
        near.close()
        return refused


def dial(port: int) -> socket.socket | None:
    """Wherever in this network a program listens; none where none does."""
    for listener in listeners.on_port(port):
        if not listeners.is_local(listener.target):
            continue
        family = socket.AF_INET if listener.target.version == 4 else socket.AF_INET6
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.settimeout(CONNECT_S)
            connection.connect((str(listener.target), port))
        except OSError:
            connection.close()
            continue
        return connection
    return None
