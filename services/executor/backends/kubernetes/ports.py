"""Connections to ports of a run: through the API server, which forwards them to the pod and to nothing beside it.

Whether somebody listens is looked up first, in the pod's own table of sockets: a forwarded connection says nothing
until the other side does, so it could not be refused in words.
"""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable

import structlog

from services.executor.backends.kubernetes.api import Api, ApiError, ClusterAway, Document
from services.executor.backends.kubernetes.channels import FORWARD_PROTOCOL, Channels
from services.executor.backends.kubernetes.pods import path_of
from shared.contracts.errors import Conflict, FieldError, Invalid, Unavailable
from shared.streams.files import read

log = structlog.get_logger()

FIRST, LAST = 1024, 65_535
_DATA, _ERROR = 0, 1
_LISTENING = "0A"
TABLES = 'cat /proc/net/tcp /proc/net/tcp6 2> /dev/null || while read -r line; do echo "$line"; done < /proc/net/tcp'


class Ports:
    """`run` runs a line of shell in a pod's container and gives what it wrote."""

    def __init__(self, api: Api, run: Callable[[Document, str], Awaitable[str]]) -> None:
        self._api = api
        self._run = run
        self._relays: set[asyncio.Task[None]] = set()

    async def dial(self, pod: Document, port: int) -> socket.socket:
        """See `protocol.Backend.dial`."""
        if not FIRST <= port <= LAST:
            message = f"The port {port} is none of {FIRST} to {LAST}."
            raise Invalid(message, (FieldError(field="port", message=message),))
        try:
            if not listens(await self._run(pod, TABLES), port):
                raise Conflict(f"Nothing listens on port {port} of the job.", details={"code": "not_listening"})
            return await self._forwarded(pod, port)
        except (ApiError, ClusterAway, TimeoutError) as error:
            raise Unavailable(f"The cluster forwards no connection to the job now: {error}") from error

    async def close(self) -> None:
        for relay in list(self._relays):
            relay.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)

    async def _forwarded(self, pod: Document, port: int) -> socket.socket:
        mine, theirs = socket.socketpair()
        mine.setblocking(False)
        theirs.setblocking(False)
        opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        relay = asyncio.create_task(self._relay(pod, port, theirs, opened))
        self._relays.add(relay)
        relay.add_done_callback(self._relays.discard)
        try:
            await opened
        except BaseException:
            mine.close()
            raise
        return mine

    async def _relay(self, pod: Document, port: int, near: socket.socket, opened: "asyncio.Future[None]") -> None:
        try:
            async with self._api.websocket(
                f"{path_of(pod)}/portforward", [("ports", str(port))], FORWARD_PROTOCOL
            ) as connection:
                channels = Channels(connection)
                opened.set_result(None)
                sending = asyncio.create_task(_send(near, channels))
                try:
                    await _receive(channels, near)
                finally:
                    sending.cancel()
                    await asyncio.gather(sending, return_exceptions=True)
        except (ApiError, ClusterAway, ConnectionError) as error:
            if not opened.done():
                opened.set_exception(error)
        finally:
            near.close()


async def _send(near: socket.socket, channels: Channels) -> None:
    """Until whoever dialled sends no more, which is the end: this protocol ends both directions at once."""
    with contextlib.suppress(OSError):
        while data := await read(near.fileno()):
            await channels.send(_DATA, data)
    await channels.close()


async def _receive(channels: Channels, near: socket.socket) -> None:
    """The first message of each channel is the port's number."""
    loop = asyncio.get_running_loop()
    begun = set()
    async for channel, data in channels.received():
        said = data if channel in begun else data[2:]
        begun.add(channel)
        if channel == _ERROR and said:
            log.info("port_not_forwarded", reason=said.decode(errors="replace"))
            return
        if channel == _DATA and said:
            await loop.sock_sendall(near, said)


def listens(table: str, port: int) -> bool:
    """Whether the kernel's table of sockets has one that listens on this port."""
    wanted = f":{port:04X}"
    for line in table.splitlines():
        fields = line.split()
        if len(fields) > 3 and fields[3] == _LISTENING and fields[1].endswith(wanted):
            return True
    return False
