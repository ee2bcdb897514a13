"""A Docker engine that has no image, and whose registries say what a test wants, as no real one does on demand."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

Say = Callable[[web.StreamResponse], Awaitable[object]]


class EngineDouble:
    """`says`: what is written of a pull; `pulls`: of which images there were any; `there`: those that it has."""

    def __init__(self) -> None:
        self.says: Say = lambda answer: answer.write(b"")
        self.pulls: list[str] = []
        self.under_way = 0
        self.there: set[str] = set()

    async def version(self, request: web.Request) -> web.Response:
        return web.json_response({"ApiVersion": "1.41"})

    async def networks(self, request: web.Request) -> web.Response:
        return web.json_response([])

    async def inspect(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self.there:
            return web.json_response({"message": f"No such image: {name}"}, status=404)
        return web.json_response({"Id": f"sha256:{name}", "Config": {"Env": ["FROM=image"]}})

    async def pull(self, request: web.Request) -> web.StreamResponse:
        self.pulls.append(request.query["fromImage"])
        answer = web.StreamResponse()
        await answer.prepare(request)
        self.under_way += 1
        try:
            await self.says(answer)
        finally:
            self.under_way -= 1
        return answer


@asynccontextmanager
async def engine_double(socket: Path) -> AsyncIterator[EngineDouble]:
    """At that socket."""
    double = EngineDouble()
    app = web.Application()
    app.router.add_get("/version", double.version)
    app.router.add_get("/{api}/version", double.version)
    app.router.add_get("/{api}/networks", double.networks)
    app.router.add_get("/{api}/images/{name:.+}/json", double.inspect)
    app.router.add_post("/{api}/images/create", double.pull)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, str(socket)).start()
    try:
        yield double
    finally:
        await runner.cleanup()
