"""One request on its way to the program and the reply on its way back, streamed, in constant memory.

Framing is made anew on both sides: whatever a client or a program says of lengths and chunks ends here. A reply that
breaks off breaks off for the client too, so that half a file never looks like a whole one.
"""

import asyncio
from collections.abc import AsyncIterator, Callable

import aiohttp
from aiohttp import web
from aiohttp.web_protocol import RequestPayloadError
from multidict import CIMultiDict

from services.endpoints.domain.headers import Headers, HostileReply, from_job, reason_from_job, to_job
from services.endpoints.domain.traffic import is_use
from services.endpoints.domain.websocket import asks_upgrade
from services.endpoints.door import websocket
from services.endpoints.door.entry import Entrant, Request
from services.endpoints.door.problems import BadGateway, BadRequest, NotListening
from services.endpoints.door.upstream import url_of
from services.endpoints.guard import Guard
from shared.contracts.endpoints import EndpointKind
from shared.contracts.errors import Conflict, Forbidden
from shared.streams.client import RunAt

Touch = Callable[[str, str], None]
"""The endpoint of this id was used, by this person."""


class Relayed(web.StreamResponse):
    """A reply with the headers of the job, and none that a server would add by itself. Raises HostileReply."""

    def __init__(self, reply: aiohttp.ClientResponse, headers: Headers) -> None:
        super().__init__(status=reply.status, reason=reason_from_job(reply.reason), headers=CIMultiDict(headers))
        self._own = {name.lower() for name, _ in headers}

    def drop_added(self) -> None:
        """Called when the head is complete and not yet sent."""
        for name in ("Content-Type", "Server"):
            if name.lower() not in self._own:
                self.headers.popall(name, None)


class Relay:
    """Forwards what an entrant sends. Its methods raise Refusals while nothing has been answered."""

    def __init__(self, session: aiohttp.ClientSession, guard: Guard, touch: Touch) -> None:
        self._session = session
        self._guard = guard
        self._touch = touch

    async def forward(self, request: web.Request, asked: Request, entrant: Entrant) -> web.StreamResponse:
        """The program's answer, until its end or until somebody loses the right to it."""
        endpoint, run = entrant.passed.endpoint, entrant.passed.run
        if endpoint.target is None:
            raise Forbidden(f"'{endpoint.name}' is no page. Use `jobyard ssh {endpoint.job_id}`.")
        url = url_of(RunAt(endpoint.job_id, run.attempt, run.executor, endpoint.rank), endpoint.target, asked.target)
        secret = endpoint.secret if endpoint.kind is EndpointKind.JUPYTER else None
        headers = to_job(request.headers.items(), asked.place, asked.client, secret, entrant.authorization)
        if is_use(endpoint.name, request.method, asked.target.removeprefix(asked.place.base)):
            self._touch(endpoint.id, entrant.passed.user)
        upgrade = asks_upgrade(request.headers)
        if upgrade:
            headers += websocket.offer(request)
        body = _Body(request)
        with self._guard.hold(entrant.passed, lambda _: _cut(request), asked.client.address):
            try:
                async with self._session.request(
                    request.method,
                    url,
                    headers=CIMultiDict(headers),
                    data=body.chunks() if body.exists else None,
                    allow_redirects=False,
                ) as reply:
                    if upgrade and reply.status == 101:
                        return await self._splice(request, asked, entrant, reply)
                    return await _pass_back(request, asked, reply, endpoint.target)
            except Conflict as refusal:
                if refusal.details.get("code") == "not_listening":
                    raise NotListening(refusal.message) from None
                raise
            except (aiohttp.ClientError, HostileReply, OSError) as error:
                if body.malformed:
                    raise BadRequest("The body of this request is malformed.") from None
                raise _no_http(endpoint.job_id, endpoint.target, error) from None

    async def _splice(
        self, request: web.Request, asked: Request, entrant: Entrant, reply: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        endpoint = entrant.passed.endpoint
        websocket.check(request, reply)
        headers = from_job(reply.headers.items(), asked.place, asked.client, endpoint.target or 0)
        response = Relayed(reply, [*headers, *websocket.UPGRADE])
        await response.prepare(request)
        await websocket.splice(request, reply, lambda: self._touch(endpoint.id, entrant.passed.user)).ended()
        return response


async def _pass_back(
    request: web.Request, asked: Request, reply: aiohttp.ClientResponse, port: int
) -> web.StreamResponse:
    if reply.status < 200:
        raise BadGateway(f"The program on port {port} switched to another protocol, which nobody had asked for.")
    headers = from_job(reply.headers.items(), asked.place, asked.client, port)
    if "Transfer-Encoding" in reply.headers:
        headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
    response = Relayed(reply, headers)
    await response.prepare(request)
    try:
        async for chunk in pieces(reply.content):
            await response.write(chunk)
    except aiohttp.ClientPayloadError:
        _break_off(request)
    return response


async def pieces(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """What has come of a body, again and again; everything else has its turn after each, also when more is there.

    aiohttp takes the chunks of a body apart while they are being read, so a flood of tiny ones is always there.
    """
    async for piece in content.iter_any():
        yield piece
        await asyncio.sleep(0)


def _no_http(job_id: str, port: int, error: Exception) -> BadGateway:
    silent = isinstance(error, aiohttp.ClientConnectionError | OSError)
    what = "closed the connection without an answer" if silent else "does not answer in HTTP"
    return BadGateway(
        f"The program on port {port} of job {job_id} {what}. If it speaks another protocol, reach it with "
        f"`jobyard port-forward {job_id} {port}`."
    )


def _break_off(request: web.Request) -> None:
    """End the connection, so that the client sees that this was not all."""
    if request.transport is not None:
        request.transport.close()


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


class _Body:
    """What the client sends, as it comes in; a client that waits to be told to go on is told now."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self.exists = request.body_exists
        self.malformed = False

    async def chunks(self) -> AsyncIterator[bytes]:
        if self._request.headers.get("Expect", "").lower() == "100-continue":
            await self._request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._request.writer.output_size = 0
        try:
            async for chunk in pieces(self._request.content):
                yield chunk
        except RequestPayloadError:
            self.malformed = True
            raise
