"""A forwarded connection: from a port of the client's machine to one that a program of the job listens on."""

import asyncio
import socket
from collections.abc import Callable

import asyncssh
from asyncssh.stream import SSHTCPStreamSession

from services.endpoints.descriptor import PIECE
from services.endpoints.join import join

REST_S = 5.0


class Forward(SSHTCPStreamSession[bytes]):
    """Takes over the connection into the job; `used` is called for what it carries, `ended` once it is closed.

    It ends with the client's side, whatever the program in the job does: one that never closes its own holds nothing.
    What the client had sent before is passed on, if the program takes it within REST_S.
    """

    def __init__(self, connection: socket.socket, used: Callable[[], None], ended: Callable[[], None]) -> None:
        super().__init__(None)
        self._connection = connection
        self._used = used
        self._ended = ended
        self._task: asyncio.Task[None] | None = None
        self._lost = False
        self._read_all = False

    def session_started(self) -> None:
        channel = self._chan
        assert channel is not None
        reader, writer = asyncssh.SSHReader[bytes](self, channel), asyncssh.SSHWriter[bytes](self, channel)
        self._task = asyncio.get_running_loop().create_task(self._relay(reader, writer))
        self._task.add_done_callback(lambda _: self._let_go())

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        super().connection_lost(exc)
        if self._task is None:
            self._let_go()
        elif self._read_all:
            self._task.cancel()
        else:
            asyncio.get_running_loop().call_later(REST_S, self._task.cancel)

    def _let_go(self) -> None:
        self._connection.close()  # nothing, unless the relay never began
        self._ended()

    async def _relay(self, reader: "asyncssh.SSHReader[bytes]", writer: "asyncssh.SSHWriter[bytes]") -> None:
        async def read() -> bytes:
            self._used()
            data = await reader.read(PIECE)
            self._read_all = not data
            if self._read_all and self._lost:
                raise ConnectionAbortedError
            return data

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
