"""Connections to the ports of runs, made by their supervisors (`dialling`) and taken only if they are connections.

A run may have replaced its supervisor: a file, a pipe or a listener of its own that it hands over instead is closed.
"""

import os
import socket

from services.executor.backends.docker.dialling import NOT_LISTENING
from services.executor.backends.process.entrance import Entrance
from services.executor.backends.process.ports import not_listening, require_port
from services.executor.backends.process.supervisors import not_running


class Ports:
    """Of the runs behind this entrance."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance

    async def dial(self, run_id: str, port: int) -> socket.socket:
        """See `protocol.Backend.dial`."""
        require_port(port)
        answer, files = await self._entrance.ask(run_id, {"dial": port})
        if not files:
            raise not_listening(port) if answer.refused == NOT_LISTENING else not_running()
        connection = _connection(files[0])
        if connection is None:
            raise not_listening(port)
        return connection


def _connection(file: int) -> socket.socket | None:
    """None for what is no connection, which is closed."""
    try:
        connection = socket.socket(fileno=file)
    except OSError:
        os.close(file)
        return None
    try:
        connection.getpeername()
        if connection.family in (socket.AF_INET, socket.AF_INET6) and connection.type == socket.SOCK_STREAM:
            connection.setblocking(False)
            return connection
    except OSError:
        pass
    connection.close()
    return None
