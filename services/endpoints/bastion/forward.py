"""A forwarded connection: from a port of the client's machine to one that a program of the job listens on."""

import asyncio
import os
import socket
from collections.abc import Callable

import asyncssh
from asyncssh.stream import SSHTCPStreamSession

from services.endpoints.descriptor import PIECE, Descriptor


class Forward(SSHTCPStreamSession[bytes]):
    """Both ways until both have ended, each with its own end; closes the connection into the job."""

    def __init__(self, connection: socket.socket, ended: Callable[["Forward"], None]) -> None:
        super().__init__(self._relay)
        self._connection = connection
        self._ended = ended

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._ended(self)

    async def _relay(self, reader: "asyncssh.SSHReader[bytes]", writer: "asyncssh.SSHWriter[bytes]") -> None:
        with self._connection, Descriptor(os.dup(self._connection.fileno())) as into:
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._up(reader, into))
                    group.create_task(_down(into, writer))
            except* (OSError, asyncssh.Error):  # one end is gone, and so is the other
                pass
            writer.channel.close()

    async def _up(self, reader: "asyncssh.SSHReader[bytes]", into: Descriptor) -> None:
        while data := await reader.read(PIECE):
            await into.write(data)
        self._connection.shutdown(socket.SHUT_WR)


async def _down(into: Descriptor, writer: "asyncssh.SSHWriter[bytes]") -> None:
    while data := await into.read():
        writer.write(data)
        await writer.drain()
    writer.write_eof()
