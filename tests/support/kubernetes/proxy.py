"""Stands between whoever asks an API server and that server, and does to the answers what networks and servers do.

Without a server behind it, it says what it was told to, and 404 to all else.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from aiohttp import web
from kubernetes.aio.client import ApiClient

from services.executor.backends.kubernetes.signing import SignIn, shown_by

_FORWARDED = ("Content-Type", "Accept")
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Asked:
    """A request that came."""

    method: str
    path: str
    query: Mapping[str, str]

    @property
    def watches(self) -> bool:
        return self.query.get("watch") == "true"

    @property
    def lists(self) -> bool:
        return self.method == "GET" and not self.watches


@dataclass(frozen=True)
class Held:
    """A request that waits: `here` once it came, until somebody sets `go`."""

    here: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class _Rule:
    fits: Callable[[Asked], object]
    answer: Answer
    left: int


class Proxy:
    """What is asked is in `asked`; `kubeconfig` leads here. Rules hold for so many requests, the oldest first."""

    def __init__(self, folder: Path, upstream: ApiClient | None) -> None:
        self.kubeconfig = folder / "proxy.kubeconfig"
        self.asked: list[Asked] = []
        self._bodies: list[tuple[Asked, bytes]] = []
        self._upstream = upstream
        self._rules: list[_Rule] = []
        self._open: list[tuple[web.Request, Asked]] = []
        self._delayed: list[asyncio.Task[None]] = []
        self._token = "first"

    # --- what happens to answers

    def refuse(
        self, fits: Callable[[Asked], object], status: int, times: int = 1, causes: Sequence[str] = (), **headers: str
    ) -> None:
        """With this status; `headers` with `_` for `-`."""
        details = {"causes": [{"reason": cause} for cause in causes]}
        said = {"kind": "Status", "code": status, "reason": "Refused", "message": "A test says so.", "details": details}
        self.say(fits, said, status, times, **headers)

    def say(
        self, fits: Callable[[Asked], object], document: Any, status: int = 200, times: int = 1, **headers: str
    ) -> None:
        """This document, and no word to the server."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}

        async def answer(request: web.Request) -> web.StreamResponse:
            return web.json_response(document, status=status, headers=given)

        self._rules.append(_Rule(fits, answer, times))

    def tell(self, fits: Callable[[Asked], object], *events: Any, rest: bytes = b"", stays: bool = False) -> None:
        """These events to the next watch; then it ends, or `stays` open."""

        async def answer(request: web.Request) -> web.StreamResponse:
            said = await _begun(request, 200)
            await said.write(b"".join(json.dumps(event).encode() + b"\n" for event in events) + rest)
            if stays:
                await asyncio.Event().wait()
            return said

        self._rules.append(_Rule(fits, answer, 1))

    def lose(self, fits: Callable[[Asked], object], times: int = 1) -> None:
        """The server does what it is asked for; its answer never comes."""

        async def answer(request: web.Request) -> web.StreamResponse:
            if self._upstream is not None:
                async with self._forwarded(request) as found:
                    await found.read()
            return _cut(request)

        self._rules.append(_Rule(fits, answer, times))

    def delay(self, fits: Callable[[Asked], object]) -> Held:
        """The answer never comes; the server does what it is asked for once that is let go, whoever has gone since."""
        held = Held()

        async def later(request: web.Request) -> None:
            held.here.set()
            await held.go.wait()
            async with self._forwarded(request) as found:
                await found.read()

        async def answer(request: web.Request) -> web.StreamResponse:
            await request.read()
            self._delayed.append(asyncio.create_task(later(request)))
            return _cut(request)

        self._rules.append(_Rule(fits, answer, 1))
        return held

    def hold(self, fits: Callable[[Asked], object], done: bool = False, times: int = 1) -> Held:
        """Nobody gets an answer until it is let go; only if `done` the server does what it is asked for before that."""
        held = Held()

        async def answer(request: web.Request) -> web.StreamResponse:
            if not done:
                held.here.set()
                await held.go.wait()
                return await self._forward(request)
            async with self._forwarded(request) as found:
                data = await found.read()
            held.here.set()
            await held.go.wait()
            return web.Response(body=data, status=found.status, content_type="application/json")

        self._rules.append(_Rule(fits, answer, times))
        return held

    def cut(self, fits: Callable[[Asked], object]) -> int:
        """Of the answers that are under way; how many."""
        chosen = [request for request, asked in self._open if fits(asked)]
        for request in chosen:
            _cut(request)
        return len(chosen)

    async def forget(self) -> None:
        """What was delayed and not let go is never done."""
        for task in self._delayed:
            task.cancel()
        await asyncio.gather(*self._delayed, return_exceptions=True)

    def bodies(self, fits: Callable[[Asked], object]) -> list[Any]:
        """The documents of these requests, in order."""
        return [json.loads(body) for asked, body in self._bodies if fits(asked)]

    def heal(self) -> None:
        """No rule holds any more."""
        self._rules.clear()

    def rotate(self, token: str) -> None:
        """From now on nobody is let in with another token; the kubeconfig has it."""
        self._token = token
        document = yaml.safe_load(self.kubeconfig.read_text())
        document["users"][0]["user"]["token"] = token
        self.kubeconfig.write_text(yaml.safe_dump(document))

    # --- how it works

    def opened(self, url: str) -> None:
        self.kubeconfig.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [{"name": "test", "cluster": {"server": url}}],
                    "users": [{"name": "test", "user": {"token": self._token}}],
                    "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
                    "current-context": "test",
                }
            )
        )

    async def handle(self, request: web.Request) -> web.StreamResponse:
        asked = Asked(request.method, request.path, dict(request.query))
        self.asked.append(asked)
        if request.can_read_body:
            self._bodies.append((asked, await request.read()))
        if request.headers.get("Authorization") != f"Bearer {self._token}":
            return web.json_response({"reason": "Unauthorized", "message": "Unauthorized"}, status=401)
        under_way = (request, asked)
        self._open.append(under_way)
        try:
            for rule in self._rules:
                if rule.left and rule.fits(asked):
                    rule.left -= 1
                    return await rule.answer(request)
            return await self._forward(request)
        finally:
            self._open = [other for other in self._open if other is not under_way]

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        if self._upstream is None:
            return web.json_response({"reason": "NotFound", "message": "not found"}, status=404)
        try:
            async with self._forwarded(request) as found:
                said = await _begun(request, found.status)
                async for data in found.content.iter_any():
                    await said.write(data)
                return said
        except aiohttp.ClientError:  # the server is away
            return _cut(request)

    @asynccontextmanager
    async def _forwarded(self, request: web.Request) -> AsyncIterator[aiohttp.ClientResponse]:
        client = self._upstream
        assert client is not None
        session = client.rest_client.pool_manager
        assert session is not None
        headers = {name: request.headers[name] for name in _FORWARDED if name in request.headers}
        token, _ = shown_by(client)
        if token is not None:
            headers["Authorization"] = token
        url = f"{client.configuration.host}{request.raw_path}"
        async with session.request(request.method, url, headers=headers, data=await request.read()) as found:
            yield found


@asynccontextmanager
async def proxy(folder: Path, upstream: Path | None = None) -> AsyncIterator[Proxy]:
    """One on a free port. `upstream`: the kubeconfig that leads to the server behind it."""
    client = await SignIn(upstream, None).open() if upstream is not None else None
    between = Proxy(folder, client)
    server = web.Application(client_max_size=1 << 24)
    server.router.add_route("*", "/{path:.*}", between.handle)
    runner = web.AppRunner(server, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    between.opened(f"http://127.0.0.1:{runner.addresses[0][1]}")
    try:
        yield between
    finally:
        await runner.cleanup()
        await between.forget()
        if client is not None:
            await client.close()


def asks(method: str, path: str) -> Callable[[Asked], bool]:
    """Requests of this method whose whole path fits this expression; `WATCH` and `LIST` are methods too."""

    def fits(asked: Asked) -> bool:
        kind = {"WATCH": asked.watches, "LIST": asked.lists}.get(method, asked.method == method)
        return kind and re.fullmatch(path, asked.path) is not None

    return fits


async def _begun(request: web.Request, status: int) -> web.StreamResponse:
    said = web.StreamResponse(status=status, headers={"Content-Type": "application/json"})
    await said.prepare(request)
    return said


def _cut(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
