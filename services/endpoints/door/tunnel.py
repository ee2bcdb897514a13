"""Ways into a job for the command line, which has a token and needs no key: websockets for `jobyard ssh` (a session,
`GET /endpoints/<job_id>/ssh/exec?rank=`) and `jobyard port-forward` (a connection, `GET
/endpoints/<job_id>/tunnel/<port>?rank=`).

There are no pings: a side that is slow reads none, and would be taken for dead. The sockets' own keep-alive looks.
"""

import socket
from collections.abc import Awaitable, Callable

from aiohttp import web
from pydantic import ValidationError

from services.endpoints.carry import Read, carry
from services.endpoints.domain.origins import Names
from services.endpoints.domain.shares import Shares
from services.endpoints.domain.ssh import SIGNALS, environment
from services.endpoints.door.arrivals import let_in
from services.endpoints.door.entry import own_name
from services.endpoints.door.problems import BadRequest, answer
from services.endpoints.door.proxy import YOURS
from services.endpoints.door.talk import PLAIN, STDERR, STDOUT, Control, Talk
from services.endpoints.door.upstream import Dial
from services.endpoints.guard import Guard, Pass
from services.endpoints.join import join
from shared.contracts.endpoints import PORTS, Admit, missing_rank
from shared.contracts.errors import Forbidden, Invalid, Refusal, Unauthorized, Unavailable
from shared.contracts.job import RANKS
from shared.contracts.streams import Child
from shared.streams.alive import keep_alive
from shared.streams.client import RunAt, Streams
from shared.streams.process import Exit, Process

JOB = "{job_id:[0-7][0-9A-HJKMNP-TV-Z]{25}}"
BEARER = "bearer "
NO_TOKEN = "Sign in first: send a token as `Authorization: Bearer <token>`."
LARGEST_MESSAGE = 1 << 20


class Tunnel:
    """The two routes; `touch` is told which endpoint is used, and by whom; `shares` are users' of what is open."""

    def __init__(
        self,
        guard: Guard,
        streams: Streams,
        dial: Dial,
        names: Names,
        shares: Shares,
        touch: Callable[[str, str], None],
    ) -> None:
        self._guard = guard
        self._dial = dial
        self._shares = shares
        self._names = names
        self._streams = streams
        self._touch = touch

    def register(self, app: web.Application) -> None:
        """Before the routes of the proxy."""
        app.router.add_get(f"/endpoints/{JOB}/ssh/exec", self.session)
        app.router.add_get(f"/endpoints/{JOB}/tunnel/{{port:[0-9]{{1,5}}}}", self.connection)

    async def session(self, request: web.Request) -> web.StreamResponse:
        """A child of the run."""
        try:
            own_name(self._names, request)
            _require_websocket(request)
            rank = _rank(request) or 0
            passed = await self._enter(request, "ssh")
            if rank >= passed.endpoint.nodes:
                raise Invalid(missing_rank(passed.endpoint.nodes))
            with self._shares.held(passed.user, Unavailable(YOURS)):
                return await self._held(request, passed, lambda talk: self._start(talk, _run(passed, rank)))
        except Refusal as refusal:
            return answer(refusal, request)

    async def connection(self, request: web.Request) -> web.StreamResponse:
        """A connection to a port that was registered as an endpoint, of the rank that it was registered for."""
        try:
            own_name(self._names, request)
            _require_websocket(request)
            rank, port = _rank(request), int(request.match_info["port"])
            if not PORTS[0] <= port <= PORTS[1]:
                raise Invalid(f"Ports of a job are {PORTS[0]} to {PORTS[1]}.")
            passed = await self._enter(request, f"port-{port}")
            if rank not in (None, passed.endpoint.rank):
                raise Forbidden(f"The endpoint 'port-{port}' is one of rank {passed.endpoint.rank}, not of {rank}.")
            run = _run(passed, passed.endpoint.rank)
            with self._shares.held(passed.user, Unavailable(YOURS)), await self._dial(run, port) as inside:
                return await self._held(request, passed, lambda talk: _join(talk, inside))
        except Refusal as refusal:
            return answer(refusal, request)

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
        passed = await self._guard.enter(ask, name)
        let_in(request, passed.user)
        return passed

    async def _held(
        self, request: web.Request, passed: Pass, talk: Callable[[Talk], Awaitable[None]]
    ) -> web.StreamResponse:
        """Talk until it ends, is cut, or the client is gone."""
        websocket = web.WebSocketResponse(max_msg_size=LARGEST_MESSAGE, compress=False)
        await websocket.prepare(request)
        transport = request.transport
        if transport is None:
            return websocket
        keep_alive(transport.get_extra_info("socket"))
        with self._guard.hold(passed, lambda _: transport.abort(), _chain(request)):
            try:
                await talk(Talk(websocket, lambda: self._touch(passed.endpoint.id, passed.user)))
            except* ConnectionError:
                pass  # who is gone needs no answer
        await websocket.close()
        return websocket

    async def _start(self, talk: Talk, run: RunAt) -> None:
        try:
            opening = await talk.opening()
            env = environment({name.encode(): value.encode() for name, value in opening.env.items()})
            child = Child(shell_command=opening.command, terminal=opening.terminal, env=env)
            process = await self._streams.start(run, child)
        except Refusal as refusal:
            await talk.say(refused=refusal.message)
            return
        await talk.listening(_obeying(process), lambda read: _carry(talk, process, read))


def _chain(request: web.Request) -> str:
    """Where it comes from: the addresses that proxies name, and the one that is connected."""
    return ", ".join([*request.headers.getall("X-Forwarded-For", ()), request.remote or "unknown"])


async def _carry(talk: Talk, process: Process, read: Read) -> None:
    ended: Exit | None = None
    try:
        ended = await carry(process, read, talk.sent(STDOUT), talk.sent(STDERR))
    except* Refusal as refusals:
        await talk.say(refused=str(refusals.exceptions[0]))
    if ended is not None:
        await talk.say(exit=ended.code, signal=ended.signal)


async def _join(talk: Talk, inside: socket.socket) -> None:
    async def both(read: Read) -> None:
        await join(inside, read, talk.sent(PLAIN), lambda: talk.say(end=True))

    await talk.listening(lambda control: None, both)


def _obeying(process: Process) -> Callable[[Control], None]:
    def obey(control: Control) -> None:
        if control.resize is not None:
            process.resize(*control.resize)
        if control.signal in SIGNALS:
            process.signal(control.signal)

    return obey


def _run(passed: Pass, rank: int) -> RunAt:
    return RunAt(passed.endpoint.job_id, passed.run.attempt, passed.run.executor, rank)


def _rank(request: web.Request) -> int | None:
    """Raises Invalid for a rank that no job has."""
    said = request.query.get("rank")
    if said is None:
        return None
    if not (said.isascii() and said.isdigit() and len(said) <= 4 and int(said) < RANKS):
        raise Invalid(f"rank: a number from 0 to {RANKS - 1}.")
    return int(said)


def _require_websocket(request: web.Request) -> None:
    if not web.WebSocketResponse().can_prepare(request):
        raise BadRequest("This is for websockets: `jobyard ssh` and `jobyard port-forward` open them.")
