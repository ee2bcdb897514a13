"""A websocket through the door: the handshake is checked on both sides, what follows is spliced raw."""

from asyncio import Transport
from collections.abc import Callable
from typing import Any, cast

import aiohttp
from aiohttp import web

from services.endpoints.domain.headers import Headers
from services.endpoints.domain.websocket import is_accepted, is_handshake, protocols
from services.endpoints.door.problems import BadGateway, BadRequest
from services.endpoints.door.splice import Splice, Taken

UPGRADE = (("Upgrade", "websocket"), ("Connection", "Upgrade"))


def offer(request: web.Request) -> Headers:
    """The headers that ask the program for the upgrade. Raises BadRequest."""
    if not is_handshake(request.method, request.headers) or request.version != aiohttp.HttpVersion11:
        raise BadRequest("This is no handshake of a websocket (RFC 6455).")
    return list(UPGRADE)


def check(request: web.Request, reply: aiohttp.ClientResponse) -> None:
    """Raises BadGateway for a 101 that does not answer this handshake."""
    offered = protocols(request.headers.get("Sec-WebSocket-Protocol", ""))
    if not is_accepted(request.headers["Sec-WebSocket-Key"], offered, reply.headers):
        raise BadGateway("The program accepted a websocket, but not the one that was asked for.")


def splice(request: web.Request, reply: aiohttp.ClientResponse, used: Callable[[], None]) -> Splice:
    """Take both connections from aiohttp, with what it has read ahead; each protocol is told when its own is gone."""
    client, connection = request.protocol, reply.connection
    assert request.transport is not None and connection is not None and connection.protocol is not None
    program, transport = connection.protocol, connection.transport
    ahead_of_client, ahead_of_program = _Ahead(), _Ahead()
    client.set_parser(cast(Any, ahead_of_client))
    program.set_parser(ahead_of_program, None)
    return Splice(
        Taken(request.transport, bytes(ahead_of_client.data), client.connection_lost),
        Taken(cast(Transport, transport), bytes(ahead_of_program.data), program.connection_lost),
        used,
    )


class _Ahead:
    """Where aiohttp leaves what came behind the handshake: it takes this for its parser of frames."""

    def __init__(self) -> None:
        self.data = bytearray()

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.data += data
        return False, b""

    def feed_eof(self) -> None:
        """Nothing is kept that could end."""
