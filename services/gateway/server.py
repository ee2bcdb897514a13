"""The HTTP server: uvicorn on the service's own loop, without its signal handlers, drained when the service ends."""

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager

import structlog
import uvicorn
from starlette.types import ASGIApp

from services.gateway.connection import Connection
from services.gateway.settings import GatewaySettings
from services.gateway.streaming import Streams

log = structlog.get_logger()

KEEP_ALIVE_S = 75
BACKLOG = 2048


class AddressInUse(Exception):
    """Somebody else listens on this address; choose another port with JOBYARD_PORT."""


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """The runtime hears the signals."""
        yield


def _connection(settings: GatewaySettings) -> type[Connection]:
    class Patient(Connection):
        head_timeout_s = settings.head_timeout_s
        stalled_s = settings.stalled_s

    return Patient


class HttpServer:
    """Listens from `open` on; answers while `serve` runs."""

    def __init__(self, app: ASGIApp, settings: GatewaySettings, streams: Streams) -> None:
        self._settings = settings
        self._streams = streams
        self._socket: socket.socket | None = None
        proxies = list(settings.trusted_proxies)
        self._server = _Server(
            uvicorn.Config(
                app,
                http=_connection(settings),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=bool(proxies),
                forwarded_allow_ips=proxies,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=settings.drain_s,
                backlog=BACKLOG,
            )
        )

    @property
    def port(self) -> int:
        """The port that is listened on. Raises RuntimeError before `open`."""
        if self._socket is None:
            raise RuntimeError("the server is not open yet")
        port: int = self._socket.getsockname()[1]
        return port

    async def open(self) -> None:
        """Take the address. Raises AddressInUse."""
        host, port = self._settings.host, self._settings.port
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._socket = socket.create_server((host, port), family=family, backlog=BACKLOG)
        except OSError as error:
            raise AddressInUse(f"{host}:{port} can't be listened on ({error.strerror}); set JOBYARD_PORT.") from error

    async def serve(self) -> None:
        """Until cancelled; then streams end, requests under way are finished, and only then does this return."""
        assert self._socket is not None
        log.info("listening", host=self._settings.host, port=self.port)
        serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            self._streams.closing.set()
            self._server.should_exit = True
            await serving
            raise
