"""Connections to ports of a run: through the API server, which forwards them to the pod and to nothing beside it.

Whether somebody listens is looked up first, in the pod's own table of sockets: a forwarded connection says nothing
until the other side does, so it could not be refused in words. In a pod without a shell nobody can look; there the
connection is given a moment to be refused in. The protocol ends both directions at once: a program never hears that its
caller sends no more, and what it still says arrives.
"""

import asyncio
import contextlib
import select
import socket
from collections.abc import Awaitable, Callable

import structlog

from services.executor.backends.kubernetes.api import Api, Document
from services.executor.backends.kubernetes.channels import FORWARD_PROTOCOL, Channels
from services.executor.backends.kubernetes.pods import path_of
from services.executor.backends.kubernetes.refusals import ApiError, ClusterAway
from services.executor.backends.kubernetes.tasks import Tasks
from services.executor.domain.pod_shell import ShellUse, use_of
from services.executor.domain.socket_table import listens
from shared.contracts.errors import Conflict, FieldError, Invalid, Unavailable
from shared.streams.files import read, readable

log = structlog.get_logger()

FIRST, LAST = 1024, 65_535
TABLES = 'cat /proc/net/tcp /proc/net/tcp6 2> /dev/null || while read -r line; do echo "$line"; done < /proc/net/tcp'
KNOWN_S = 5.0
"""A page of a program is many connections: so long it is not looked up again that somebody listens."""
REFUSED_S = 0.3
"""In so long a node says that nobody listens, or later, when nobody can be told any more."""
_DATA, _ERROR = 0, 1
_AWAY = (ApiError, ClusterAway, ConnectionError)


class Ports:
    """`run` runs a line of shell in a pod's container and gives what it wrote."""

    def __init__(self, api: Api, run: Callable[[Document, str], Awaitable[str]]) -> None:
        self._api = api
        self._run = run
        self._tasks = Tasks()
        self._known: dict[tuple[str, int], float] = {}

    async def dial(self, pod: Document, port: int) -> socket.socket:
        """See `protocol.Backend.dial`."""
        if not FIRST <= port <= LAST:
            message = f"The port {port} is none of {FIRST} to {LAST}."
            raise Invalid(message, (FieldError(field="port", message=message),))
        try:
            sees = use_of(pod) is not ShellUse.NONE
            if sees:
                await self._check(pod, port)
            return await self._forwarded(pod, port, 0.0 if sees else REFUSED_S)
        except (*_AWAY, TimeoutError) as error:
            raise Unavailable(f"The cluster forwards no connection to the job now: {error}") from error

    async def close(self) -> None:
        tasks = self._tasks.under_way()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _check(self, pod: Document, port: int) -> None:
        """Raises Conflict when nobody listens there."""
        now, place = asyncio.get_running_loop().time(), (pod["metadata"]["uid"], port)
        if self._known.get(place, 0.0) > now:
            return
        self._known = {known: until for known, until in self._known.items() if until > now}
        found = listens(await self._run(pod, TABLES), port)
        if not found:
            words = f"Nothing listens on port {port} of the job."
            if found is None:
                words = f"The job's program listens on port {port}, but not at 127.0.0.1, where a pod is reached."
            raise _not_listening(words)
        self._known[place] = now + KNOWN_S

    async def _forwarded(self, pod: Document, port: int, refused_s: float) -> socket.socket:
        mine, theirs = socket.socketpair()
        mine.setblocking(False)
        theirs.setblocking(False)
        opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        relay = asyncio.create_task(self._relay(pod, port, theirs, opened, refused_s))
        self._tasks.hold(relay)
        try:
            await opened
        except BaseException:
            mine.close()
            relay.cancel()
            raise
        return mine

    async def _relay(
        self, pod: Document, port: int, near: socket.socket, opened: "asyncio.Future[None]", refused_s: float
    ) -> None:
        query = [("ports", str(port))]
        try:
            async with self._api.websocket(f"{path_of(pod)}/portforward", query, FORWARD_PROTOCOL) as connection:
                if not refused_s:
                    opened.set_result(None)
                stands = asyncio.get_running_loop().call_later(refused_s, _stand, opened)
                try:
                    refused = await _both_ways(Channels(connection), near)
                finally:
                    stands.cancel()
            if refused and not opened.done():
                opened.set_exception(_not_listening(f"Nothing listens at 127.0.0.1 on port {port} of the job."))
            _stand(opened)
        except _AWAY as error:
            if not opened.done():
                opened.set_exception(error)
        finally:
            opened.cancel()
            near.close()


def _stand(opened: "asyncio.Future[None]") -> None:
    """The connection was not refused."""
    if not opened.done():
        opened.set_result(None)


def _not_listening(words: str) -> Conflict:
    return Conflict(words, details={"code": "not_listening"})


async def _both_ways(channels: Channels, near: socket.socket) -> bool:
    """Until the program has nothing more to say, or nobody is there to hear it. Whether the node forwards nothing."""
    receiving = asyncio.create_task(_receive(channels, near))
    ways = (receiving, asyncio.create_task(_send(near, channels)))
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        return receiving.done() and receiving.exception() is None and receiving.result()
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _send(near: socket.socket, channels: Channels) -> None:
    """Until whoever dialled has gone: to send no more is not the end."""
    with contextlib.suppress(OSError):
        while data := await read(near.fileno()):
            await channels.send(_DATA, data)
        with select.epoll() as gone:
            gone.register(near.fileno(), 0)  # what is told without being asked for: both directions are closed
            await readable(gone.fileno())


async def _receive(channels: Channels, near: socket.socket) -> bool:
    """The first message of each channel is the port's number. Whether the node forwards nothing."""
    loop = asyncio.get_running_loop()
    begun = set()
    async for channel, data in channels.received():
        said = data if channel in begun else data[2:]
        begun.add(channel)
        if channel == _ERROR and said:
            log.info("port_not_forwarded", reason=said.decode(errors="replace"))
            return True
        if channel == _DATA and said:
            await loop.sock_sendall(near, said)
    return False
