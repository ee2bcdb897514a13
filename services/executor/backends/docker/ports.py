"""Connections to the ports of runs, made by their supervisors (`dialling`).

A run may have replaced its supervisor: what the caller gets is made here, whatever stands at the other end of it.
"""

import socket

from services.executor.backends.docker.dialling import NOT_LISTENING
from services.executor.backends.process.children import TOO_MANY
from services.executor.backends.process.entrance import Entrance
from services.executor.backends.process.ports import not_listening, require_port
from services.executor.backends.process.supervisors import not_running
from shared.contracts.errors import Unavailable


class Ports:
    """Of the runs behind this entrance."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance

    async def dial(self, run_id: str, port: int) -> socket.socket:
        """See `protocol.Backend.dial`."""
        require_port(port)
        mine, theirs = socket.socketpair()
        try:
            with theirs:
                answer = await self._entrance.ask(run_id, {"dial": port}, [theirs.fileno()])
            if answer.refused == NOT_LISTENING:
                raise not_listening(port)
            if answer.refused == TOO_MANY:
                raise Unavailable("Too many connections into the job are open. Close some of them.")
            if answer.refused is not None:
                raise not_running()
            mine.setblocking(False)
        except BaseException:
            mine.close()
            raise
        return mine
