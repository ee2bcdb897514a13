"""Ways into a job for the command line, which has a token and needs no key: websockets for `jobyard ssh` and
`jobyard port-forward`.

`GET /endpoints/<job_id>/ssh/exec?rank=` is a session: the first message says what to start (`Opening`), then binary
messages are its input, and text ones a `Control`. What it writes comes back as binary messages, whose first byte says
which stream it is (1 or 2), and at the end one text message, `{"exit": <code>, "signal": <name or null>}` or
`{"refused": <sentence>}`. `GET /endpoints/<job_id>/tunnel/<port>?rank=` is a connection: binary messages are its
bytes, and `{"end": true}` says, in both directions, that there are no more.

There are no pings: a side that is slow reads none, and would be taken for dead. The sockets' own keep-alive looks.
"""

import json
import socket
from collections.abc import Awaitable, Callable
from typing import Annotated

import structlog
from aiohttp import WSMsgType, web
from pydantic import Field, ValidationError

from services.endpoints.carry import Write, carry
from services.endpoints.domain.ssh import RANKS, SIGNALS, environment
from services.endpoints.door.problems import BadRequest, answer
from services.endpoints.guard import Guard, Pass
from services.endpoints.join import join
from shared.contracts.base import Contract
from shared.contracts.endpoints import PORTS, Admit
from shared.contracts.errors import Forbidden, Invalid, Refusal, Unauthorized
from shared.contracts.streams import Child, Terminal
from shared.streams.client import RunAt, Streams
from shared.streams.process import Process

log = structlog.get_logger()

JOB = "{job_id:[0-7][0-9A-HJKMNP-TV-Z]{25}}"
BEARER = "bearer "
NO_TOKEN = "Sign in first: send a token as `Authorization: Bearer <token>`."
LARGEST_MESSAGE = 1 << 20
OPENING_S = 10.0
STDOUT, STDERR = b"\x01", b"\x02"
Size = Annotated[int, Field(ge=1, le=10_000)]


class Opening(Contract):
    """What a session starts: a line for the user's shell, or without one the login shell itself."""

    command: Annotated[str | None, Field(min_length=1, max_length=131_072)] = None
    terminal: Terminal | None = None
    env: dict[str, str] = Field(default_factory=dict)


class Control(Contract):
    """What is no input: the terminal has another size, a signal, or the end of the input."""

    resize: tuple[Size, Size] | None = None
    signal: str | None = None
    end: bool = False


class Tunnel:
    """The two routes; `touch` is told which endpoint is used."""

    def __init__(self, guard: Guard, streams: Streams, touch: Callable[[str], None]) -> None:
        self._guard = guard
        self._streams = streams
        self._touch = touch

    def register(self, app: web.Application) -> None:
        """Before the routes of the proxy."""
        app.router.add_get(f"/endpoints/{JOB}/ssh/exec", self.session)
        app.router.add_get(f"/endpoints/{JOB}/tunnel/{{port:[0-9]{{1,5}}}}", self.connection)

    async def session(self, request: web.Request) -> web.StreamResponse:
        """A child of the run."""
        try:
            _require_websocket(request)
            passed = await self._enter(request, "ssh")
            run = _run(request, passed, None)
        except Refusal as refusal:
            return answer(refusal, request)
        return await self._held(request, passed, lambda socket: self._start(socket, run))

    async def connection(self, request: web.Request) -> web.StreamResponse:
        """A connection to a port that was registered as an endpoint."""
        try:
            _require_websocket(request)
            port = int(request.match_info["port"])
            if not PORTS[0] <= port <= PORTS[1]:
                raise Invalid(f"Ports of a job are {PORTS[0]} to {PORTS[1]}.")
            passed = await self._enter(request, f"port-{port}")
            inside = await self._streams.dial(_run(request, passed, passed.endpoint.rank), port)
        except Refusal as refusal:
            return answer(refusal, request)
        with inside:
            return await self._held(request, passed, lambda socket: _join(socket, inside))

    async def _enter(self, request: web.Request, name: str) -> Pass:
        if "Origin" in request.headers:
            raise Forbidden("Pages may not do that.")
        value = request.headers.get("Authorization", "")
        if value[: len(BEARER)].lower() != BEARER:
            raise Unauthorized(NO_TOKEN)
        try:
            ask = Admit(job_id=request.match_info["job_id"], token=value[len(BEARER) :].strip())
        except ValidationError:
            raise Unauthorized(NO_TOKEN) from None
        return await self._guard.enter(ask, name)

    async def _held(
        self, request: web.Request, passed: Pass, talk: Callable[[web.WebSocketResponse], Awaitable[None]]
    ) -> web.StreamResponse:
        """Talk until it ends, is cut, or the client is gone."""
        websocket = web.WebSocketResponse(max_msg_size=LARGEST_MESSAGE, compress=False)
        await websocket.prepare(request)
        transport = request.transport
        if transport is None:
            return websocket
        _keep_alive(transport.get_extra_info("socket"))
        self._touch(passed.endpoint.id)
        with self._guard.hold(passed, transport.abort):
            try:
                await talk(websocket)
            except* ConnectionError:
                pass  # who is gone needs no answer
        await websocket.close()
        return websocket

    async def _start(self, websocket: web.WebSocketResponse, run: RunAt) -> None:
        try:
            opening = await _opening(websocket)
            env = environment({name.encode(): value.encode() for name, value in opening.env.items()})
            child = Child(shell_command=opening.command, terminal=opening.terminal, env=env)
            process = await self._streams.start(run, child)
        except Refusal as refusal:
            await websocket.send_str(json.dumps({"refused": refusal.message}))
            return
        ended = None
        try:
            ended = await carry(process, _input(websocket, process), _sent(websocket, STDOUT), _sent(websocket, STDERR))
        except* Refusal as refusals:
            await websocket.send_str(json.dumps({"refused": str(refusals.exceptions[0])}))
        if ended is not None:
            await websocket.send_str(json.dumps({"exit": ended.code, "signal": ended.signal}))


async def _join(websocket: web.WebSocketResponse, inside: socket.socket) -> None:
    async def read() -> bytes:
        return await _next(websocket, lambda control: None)

    async def end() -> None:
        await websocket.send_str('{"end": true}')

    await join(inside, read, _sent(websocket, b""), end)


def _input(websocket: web.WebSocketResponse, process: Process) -> Callable[[], Awaitable[bytes]]:
    def obey(control: Control) -> None:
        if control.resize is not None:
            process.resize(*control.resize)
        if control.signal in SIGNALS:
            process.signal(control.signal)

    async def read() -> bytes:
        return await _next(websocket, obey)

    return read


def _sent(websocket: web.WebSocketResponse, mark: bytes) -> Write:
    async def send(data: bytes) -> None:
        await websocket.send_bytes(mark + data)

    return send


async def _next(websocket: web.WebSocketResponse, obey: Callable[[Control], None]) -> bytes:
    """The next piece of the input; nothing at its end. Raises ConnectionError when the client is gone."""
    while True:
        message = await websocket.receive()
        if message.type is WSMsgType.BINARY:
            if message.data:
                data: bytes = message.data
                return data
        elif message.type is WSMsgType.TEXT:
            try:
                control = Control.model_validate_json(message.data)
            except ValidationError:
                raise ConnectionAbortedError("the client does not keep to the protocol") from None
            if control.end:
                return b""
            obey(control)
        else:
            raise ConnectionResetError("the client has gone")


async def _opening(websocket: web.WebSocketResponse) -> Opening:
    try:
        message = await websocket.receive(OPENING_S)
        if message.type is WSMsgType.TEXT:
            return Opening.model_validate_json(message.data)
    except (TimeoutError, ValidationError):
        pass
    raise Invalid("The session did not say what to start. Update the jobyard package.")


def _run(request: web.Request, passed: Pass, rank_of_endpoint: int | None) -> RunAt:
    """Raises Invalid for a rank that no job has, Forbidden for another than the endpoint's."""
    said = request.query.get("rank", str(rank_of_endpoint or 0))
    if not (said.isascii() and said.isdigit() and len(said) <= 4 and int(said) < RANKS):
        raise Invalid(f"rank: a number from 0 to {RANKS - 1}.")
    rank = int(said)
    if rank_of_endpoint is not None and rank != rank_of_endpoint:
        raise Forbidden(f"The endpoint '{passed.endpoint.name}' is one of rank {rank_of_endpoint}, not of {rank}.")
    return RunAt(passed.endpoint.job_id, passed.run.attempt, passed.run.node, rank)


def _require_websocket(request: web.Request) -> None:
    if not web.WebSocketResponse().can_prepare(request):
        raise BadRequest("This is for websockets: `jobyard ssh` and `jobyard port-forward` open them.")


def _keep_alive(connection: socket.socket) -> None:
    """A client that has vanished is noticed within two minutes."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
