"""A websocket of the API server that carries several streams (subprotocols `v5.channel.k8s.io`, `v4.channel.k8s.io`).

Each message begins with the number of its stream. Version 5 can end one direction: a message on channel 255 names the
stream that ends, which is how a program in a pod learns that its input is over.
"""

import json
from collections.abc import AsyncIterator

import aiohttp

from services.executor.domain.documents import parsed

STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
EXEC_PROTOCOL = "v5.channel.k8s.io"
FORWARD_PROTOCOL = "v4.channel.k8s.io"
_PIECE = 1 << 15


class Channels:
    """Sends and receives on one websocket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def send(self, channel: int, data: bytes) -> None:
        """Raises ConnectionError when the other side has gone."""
        await self._socket.send_bytes(bytes((channel,)) + data)

    async def tell(self, channel: int, data: bytes) -> None:
        """However much it is. Raises ConnectionError."""
        for start in range(0, len(data), _PIECE):
            await self.send(channel, data[start : start + _PIECE])

    async def end(self, channel: int) -> None:
        """Nothing more comes on this one."""
        await self._socket.send_bytes(bytes((CLOSE, channel)))

    async def resize(self, columns: int, rows: int) -> None:
        await self.send(RESIZE, json.dumps({"Width": columns, "Height": rows}).encode())

    async def received(self) -> AsyncIterator[tuple[int, bytes]]:
        """(channel, data) until the other side closes."""
        async for message in self._socket:
            if message.type is aiohttp.WSMsgType.BINARY and message.data:
                yield message.data[0], message.data[1:]


def exit_code(status: bytes) -> int:
    """What the channel ERROR says at the end of a program. Raises ValueError when it could not be run at all, or when
    that is no status: the node's kubelet writes it.
    """
    said = parsed(status)
    try:
        if said.get("status") == "Success":
            return 0
        for cause in (said.get("details") or {}).get("causes") or ():
            if cause.get("reason") == "ExitCode":
                return int(cause["message"])
        raise ValueError(str(said.get("message", "")))
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("its end was told in no form that is known") from error
