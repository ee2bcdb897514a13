"""Connections to the HTTP door, from their arrival on: how many there are, and what one may do before it is known.

A connection is a stranger's until a request on it was let in. Strangers have HEAD_S for the head of their one request,
are counted by their address, and are not kept for another. So whoever has no account takes no descriptor for long.
"""

import asyncio
import resource
import socket
from collections.abc import Callable, Container
from functools import partial
from typing import Any

import structlog
from aiohttp import web

from services.endpoints.domain.room import room
from services.endpoints.domain.shares import Shares
from services.endpoints.door.problems import BadRequest, answer

log = structlog.get_logger()

HEAD_S = 10.0
KEEP_ALIVE_S = 75.0
PAUSE_S = 1.0
"""How long nobody is let in once there is nothing left to let them in with."""
MALFORMED = "This is no request that the door understands (RFC 9112)."


class Visitor(web.RequestHandler):
    """One connection. `left` is called once when it is no stranger's any more; `kept` counts those that stay."""

    __slots__ = ("_head_s", "_kept", "_late", "_left", "_user")

    def __init__(
        self, server: web.Server, left: Callable[[], None], kept: Shares, head_s: float, **options: Any
    ) -> None:
        super().__init__(server, loop=asyncio.get_running_loop(), keepalive_timeout=KEEP_ALIVE_S, **options)
        self._left: Callable[[], None] | None = left
        self._kept = kept
        self._head_s = head_s
        self._user: str | None = None
        self._late: asyncio.TimerHandle | None = None

    @property
    def stays(self) -> bool:
        """Whether it may wait for another request."""
        return self._user is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._late = asyncio.get_running_loop().call_later(self._head_s, self.force_close)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.asked()
        self._known()
        if self._user is not None:
            self._kept.leave(self._user)
            self._user = None
        super().connection_lost(exc)

    def asked(self) -> None:
        """The head of a request has come."""
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def let_in(self, user: str) -> None:
        """This user's request was let in; the connection stays, if the user has not too many that do."""
        self._known()
        if self._user is None and self._kept.enter(user):
            self._user = user

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What aiohttp would answer by itself, in the door's own form for what a client has sent."""
        response = super().handle_error(request, status, exc, message)
        if status == BadRequest.status:
            response = answer(BadRequest(MALFORMED), request)
        response.headers["Server"] = "Jobyard"
        response.force_close()
        return response

    def _known(self) -> None:
        left, self._left = self._left, None
        if left is not None:
            left()


class Arrivals:
    """Takes connections, as long as there is room for them."""

    def __init__(
        self,
        strangers: Shares,
        kept: Shares,
        proxies: Container[str] = (),
        head_s: float = HEAD_S,
        pause_s: float = PAUSE_S,
    ) -> None:
        """`proxies` bring many people's connections, so they have no share of their own."""
        self._strangers = strangers
        self._kept = kept
        self._proxies = proxies
        self._head_s = head_s
        self._pause_s = pause_s

    async def accept(self, listening: socket.socket, server: web.Server, **options: Any) -> None:
        """Whoever comes, until cancelled. `options`: of aiohttp's handler."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, peer = await loop.sock_accept(listening)
            except ConnectionAbortedError:
                continue  # gone before it was taken
            except OSError as error:
                log.error("door_exhausted", why=error.strerror, advice="raise the limit of open files (ulimit -n)")
                await asyncio.sleep(self._pause_s)
                continue
            one = f"{peer[0]}:{peer[1]}" if peer[0] in self._proxies else str(peer[0])
            if not self._strangers.enter(one):
                connection.close()
                continue
            left = partial(self._strangers.leave, one)
            visitor = partial(Visitor, server, left, self._kept, self._head_s, **options)
            await loop.connect_accepted_socket(visitor, connection)


def arrivals(most_of_one_user: int, proxies: Container[str]) -> Arrivals:
    """With room by what this process may open."""
    planned = room(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    return Arrivals(Shares(planned.strangers, planned.of_one_address), Shares(planned.kept, most_of_one_user), proxies)


@web.middleware
async def known(request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
    """Only who was let in may go on with the same connection."""
    visitor = request.protocol
    assert isinstance(visitor, Visitor)
    visitor.asked()
    try:
        response: web.StreamResponse = await handler(request)
    except web.HTTPException:
        response = answer(BadRequest(MALFORMED), request)
    if not visitor.stays:
        response.force_close()
    return response


def let_in(request: web.BaseRequest, user: str) -> None:
    """The connection of this request is this user's."""
    if isinstance(request.protocol, Visitor):
        request.protocol.let_in(user)
