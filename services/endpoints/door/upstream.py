"""Connections to the programs behind the door: each comes from `dial`, and is kept for the next request of that run.

A pooled connection belongs to one port of one run, so it can't lead anywhere else than the one that was dialled.
"""

import asyncio
import socket
from typing import Protocol

import aiohttp
from aiohttp import BaseConnector, ClientRequest, ClientTimeout
from aiohttp.client_proto import ResponseHandler
from aiohttp.helpers import _EXC_SENTINEL as UNTOLD
from aiohttp.http import RawResponseMessage
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import StreamReader
from aiohttp.tracing import Trace
from yarl import URL

from shared.streams.client import RunAt

KEPT_S = 3.0
"""Shorter than what servers commonly wait (5 s), so that a request never meets a connection that is being closed."""
INTERIM = 16
"""Replies before the reply (1xx) that are taken; a program that sends more never comes to it."""
PIECE_BYTES = 16_384
BUFFER_BYTES = 65_536
"""Also bounds how many chunks of a body are taken apart before others have their turn: a sixteenth of this."""
HEADERS = 128
HEADER_BYTES = 32_768


class Dial(Protocol):
    """A connected, non-blocking socket to a port that a program of the run listens on. Raises Refusals."""

    async def __call__(self, run: RunAt, port: int) -> socket.socket: ...


class _Program(ResponseHandler):
    """The client's side of a connection.

    aiohttp's own tells the reader of a body nothing when the framing of that body breaks, so that it waits for ever. It
    takes any number of interim replies (1xx), too, and all that have come before anybody else has a turn.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._interim = 0

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        status = data[0].code
        self._interim = self._interim + 1 if 100 <= status < 200 and status != 101 else 0
        if self._interim <= INTERIM:
            super().feed_data(data, size)

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data) or 1, PIECE_BYTES):
            super().data_received(data[start : start + PIECE_BYTES])
            if self._interim > INTERIM:
                self.set_exception(HttpProcessingError(message="endless interim replies"))
                if self.transport is not None:
                    self.transport.abort()
            if self.exception() is not None:
                return

    def set_exception(self, exc: BaseException, exc_cause: BaseException = UNTOLD) -> None:
        super().set_exception(exc, exc_cause)
        if self._payload is not None and not self._payload.is_eof():
            self._payload.set_exception(aiohttp.ClientPayloadError("the program does not keep to HTTP"))


class _Connector(BaseConnector):
    """As aiohttp's own connectors: a pool, and how a connection for it is made."""

    def __init__(self, dial: Dial) -> None:
        super().__init__(keepalive_timeout=KEPT_S, limit=0)
        self._dial = dial

    async def _create_connection(
        self, req: ClientRequest, traces: list[Trace], timeout: ClientTimeout
    ) -> ResponseHandler:
        run, port = _run_of(req.url)
        connected = await self._dial(run, port)
        try:
            _, protocol = await self._loop.create_connection(lambda: _Program(self._loop), sock=connected)
        except BaseException:
            connected.close()
            raise
        return protocol


def url_of(run: RunAt, port: int, target: str) -> URL:
    """The address that names a port of a run to the pool; the target goes out as it stands."""
    return URL(f"http://{run.attempt}.{run.rank}.{run.job_id}.{run.executor}:{port}{target}", encoded=True)


def _run_of(url: URL) -> tuple[RunAt, int]:
    attempt, rank, job_id, executor = (url.raw_host or "").split(".")
    assert url.port is not None
    return RunAt(job_id, int(attempt), executor, int(rank)), url.port


def open_session(dial: Dial) -> aiohttp.ClientSession:
    """The client of the door: it follows nothing, keeps no cookies, unpacks nothing and adds nothing."""
    return aiohttp.ClientSession(
        connector=_Connector(dial),
        cookie_jar=aiohttp.DummyCookieJar(loop=asyncio.get_running_loop()),
        timeout=ClientTimeout(total=None),
        auto_decompress=False,
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        max_field_size=HEADER_BYTES,
        max_line_size=HEADER_BYTES,
        max_headers=HEADERS,
        read_bufsize=BUFFER_BYTES,
    )
