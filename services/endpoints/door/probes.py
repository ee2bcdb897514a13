"""`/healthz` and `/readyz` of the door, for load balancers: those ask at an address, and name no host of ours.

So they are answered whatever the Host, unless it is an endpoint's own: there every path is its program's.
"""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler

from services.endpoints.domain import origins
from services.endpoints.domain.origins import Names
from services.endpoints.domain.place import Addresses
from services.endpoints.door.problems import SAFE
from shared.contracts.errors import TemporaryError

ALIVE, READY = "/healthz", "/readyz"
LOOKING = frozenset({"GET", "HEAD"})
CHECK_S = 2.0
LATE = "Its database does not answer in time."

Ping = Callable[[], Awaitable[None]]


class Probes:
    """A middleware. `ping`: asks the database, without which nobody gets in; raises TemporaryError."""

    def __init__(self, ping: Ping, addresses: Addresses, names: Names, patience_s: float = CHECK_S) -> None:
        self._patience_s = patience_s
        self._ping = ping
        self._addresses = addresses
        self._names = names

    @web.middleware
    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The state, or whatever comes after this."""
        if not self._is_probe(request):
            return await handler(request)
        lacking = await self._lacking() if request.path == READY else ""
        return web.Response(text=f"{lacking or 'ok'}\n", status=503 if lacking else 200, headers=SAFE)

    def _is_probe(self, request: web.Request) -> bool:
        if request.method not in LOOKING or request.path not in (ALIVE, READY):
            return False
        host = origins.host_name(self._names.host(request.remote, request.headers))
        return self._addresses.place_of(host or "", request.path) is None

    async def _lacking(self) -> str:
        """What the door needs and has not; nothing if it can work."""
        try:
            async with asyncio.timeout(self._patience_s):
                await self._ping()
        except TemporaryError as error:
            return str(error)
        except TimeoutError:
            return LATE
        return ""
