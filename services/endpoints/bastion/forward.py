"""A forwarded connection: from a port of the client's machine to one that a program of the job listens on."""

import socket
from collections.abc import Callable

import asyncssh
from asyncssh.stream import SSHTCPStreamSession

from services.endpoints.descriptor import PIECE
from services.endpoints.join import join


class Forward(SSHTCPStreamSession[bytes]):
    """Takes over the connection into the job; `used` is called for what it carries, `ended` with it at its end."""

    def __init__(self, connection: socket.socket, used: Callable[[], None], ended: Callable[["Forward"], None]) -> None:
        super().__init__(self._relay)
        self._connection = connection
        self._used = used
        self._ended = ended

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._ended(self)

    async def _relay(self, reader: "asyncssh.SSHReader[bytes]", writer: "asyncssh.SSHWriter[bytes]") -> None:
        async def read() -> bytes:
            self._used()
            return await reader.read(PIECE)

        async def write(data: bytes) -> None:
            self._used()
            writer.write(data)
            await writer.drain()

        async def end() -> None:
            writer.write_eof()

        try:
            await join(self._connection, read, write, end)
        except* (OSError, asyncssh.Error):
            pass  # one end is gone, and so is the other
        writer.channel.close()
