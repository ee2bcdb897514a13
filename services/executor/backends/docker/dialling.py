"""Connections to a run's ports, made by its supervisor: nobody else is in its network, and none leads there.

The executor gets the connected socket itself, so a program that listens on the container's loopback is reached like any
other, and no packet of it leaves the container. Runs in the container; standard library only.

    -> {"dial": 8888}
    <- {"dialed": true} and the socket, or {"refused": "not_listening", "message": "..."}
"""

import socket
from typing import Any

from services.executor.backends.process import listeners
from services.executor.backends.process.children import Children
from services.executor.backends.process.control import Connection

NOT_LISTENING = "not_listening"
CONNECT_S = 1.0
"""A program that listens is connected to at once, unless too many wait for it already."""


class DiallingChildren(Children):
    """Children of a run, and its ports."""

    def _answer(self, connection: Connection, message: dict[str, Any], running: bool) -> None:
        if "dial" not in message:
            super()._answer(connection, message, running)
            return
        dialed = dial(int(message["dial"]))
        if dialed is None:
            connection.say({"refused": NOT_LISTENING, "message": "nothing listens there"})
            return
        with dialed:
            connection.say({"dialed": True}, [dialed.fileno()])


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
