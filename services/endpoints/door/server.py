"""The door as a server: its port, its application, and what it is made of."""

import asyncio
import logging
import socket
from collections.abc import Callable, Iterable

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from services.endpoints.domain.place import Addresses
from services.endpoints.domain.shares import Shares
from services.endpoints.door.arrivals import arrivals, known
from services.endpoints.door.entry import Entry
from services.endpoints.door.probes import Probes
from services.endpoints.door.proxy import Proxy
from services.endpoints.door.relay import Relay, Relayed, Touch
from services.endpoints.door.sealing import Seal
from services.endpoints.door.tickets import Tickets
from services.endpoints.door.upstream import BUFFER_BYTES, HEADER_BYTES, HEADERS, Dial, open_session
from services.endpoints.guard import Guard
from services.endpoints.settings import EndpointsSettings
from shared.clock import Clock
from shared.contracts.endpoints import Admit, IssueTicket, Ticket
from shared.contracts.errors import Conflict, Invalid
from shared.store.port import Store

log = structlog.get_logger()

BACKLOG = 2048
PLAIN = "browsers give the cookies of endpoints to every port of this host name, so also to jobs that listen there"
STOP_S = 1.0
"""How long requests may go on after the end was asked for; a download would go on for hours."""

SHUT = "http://localhost"
"""The address of a door that has none."""

Register = Callable[[web.Application], None]
"""Adds routes that come before the proxy's."""


class HttpDoor:
    """Opens with `start`, and closes with `stop`. Without a port it stays shut, and gives no tickets."""

    def __init__(
        self,
        settings: EndpointsSettings,
        guard: Guard,
        dial: Dial,
        store: Store,
        clock: Clock,
        touch: Touch,
        shares: Shares,
        routes: Iterable[Register] = (),
    ) -> None:
        self._settings = settings
        self._guard = guard
        self._dial = dial
        self._touch = touch
        self._shares = shares
        self._routes = tuple(routes)
        self._clock = clock
        self._store = store
        self._seal = Seal(store)
        self._tickets = Tickets(store, clock)
        self._addresses = Addresses(settings.door or SHUT, settings.domain)
        self._runner: web.AppRunner | None = None
        self._accepting: asyncio.Task[None] | None = None
        self.loops = (self._tickets.sweep,)

    async def start(self) -> None:
        """Open the port, if it is free: the other ways in do not depend on it."""
        await self._seal.start()
        host, port = self._settings.host, self._settings.http_port
        if not port:
            return
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
        except OSError as error:
            log.error("door_shut", host=host, port=port, why=error.strerror, advice="set JOBYARD_ENDPOINTS_HTTP_PORT")
            return
        self._runner = web.AppRunner(
            self._application(),
            handler_cancellation=True,
            shutdown_timeout=STOP_S,
        )
        await self._runner.setup()
        assert self._runner.server is not None
        listening.setblocking(False)
        taking = arrivals(self._settings.share, self._settings.proxies)
        accepting = taking.accept(
            listening,
            self._runner.server,
            access_log=None,
            logger=_logger(),
            auto_decompress=False,
            max_line_size=HEADER_BYTES,
            max_field_size=HEADER_BYTES,
            max_headers=HEADERS,
            read_bufsize=BUFFER_BYTES,
        )
        self._accepting = asyncio.create_task(accepting)
        self._accepting.add_done_callback(lambda _: listening.close())
        log.info("door_open", host=host, port=port)
        if self._settings.plain:
            log.warning("door_plain_http", why=PLAIN, advice="set JOBYARD_ENDPOINTS_PUBLIC_URL to an https address")

    async def stop(self) -> None:
        """Take nothing new, give what is under way a moment, and cut the rest."""
        if self._accepting is not None:
            self._accepting.cancel()
            await asyncio.wait((self._accepting,))
        if self._runner is not None:
            await self._runner.cleanup()

    async def ticket(self, ask: IssueTicket) -> Ticket:
        """Raises what the guard raises, Invalid for an endpoint that no browser opens."""
        passed = await self._guard.enter(Admit(job_id=ask.job_id, credential=ask.credential), ask.name)
        if passed.endpoint.target is None:
            raise Invalid(f"'{ask.name}' is no page. Use `jobyard ssh {ask.job_id}`.")
        if not self._settings.http_port:
            raise Conflict("This platform runs without the door for browsers (JOBYARD_ENDPOINTS_HTTP_PORT).")
        ticket, expires_at = await self._tickets.issue(ask.job_id, ask.name, passed.user, passed.credential)
        url = f"{self._addresses.url_of(ask.job_id, ask.name)}?ticket={ticket}"
        return Ticket(url=url, expires_at=expires_at)

    def _application(self) -> web.Application:
        entry = Entry(self._guard, self._seal, self._clock, self._addresses, self._settings.names)
        session = open_session(self._dial)
        relay = Relay(session, self._guard, self._touch)
        proxy = Proxy(
            entry, relay, self._tickets, self._seal, self._addresses, self._shares, self._settings.max_requests
        )
        probes = Probes(self._store.ping, self._addresses, self._settings.names)
        app = web.Application(middlewares=[known, probes.answer])
        for register in self._routes:
            register(app)
        app.router.add_route("*", "/{any:(?s:.*)}", proxy.handle, expect_handler=_later)
        app.on_response_prepare.append(_without_additions)

        async def close(app: web.Application) -> None:
            await session.close()

        app.on_cleanup.append(close)
        return app


async def _later(request: web.Request) -> None:
    """A client that waits for `100 Continue` gets it when somebody will read its body."""


async def _without_additions(request: web.Request, response: web.StreamResponse) -> None:
    if isinstance(response, Relayed):
        response.drop_added()
    else:
        response.headers.popall("Server", None)


def _logger() -> logging.Logger:
    """What aiohttp says of faults; not of malformed requests, whose lines may hold somebody's token."""
    logger = logging.getLogger("jobyard.door")
    if not logger.filters:
        logger.addFilter(lambda record: not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError)))
    return logger
