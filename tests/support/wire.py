"""The gateway's application of `tests.support.gateway` on a real port, and connections that do not behave."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from services.gateway.application import application
from services.gateway.server import HttpServer
from shared.contracts.commands.jobs import EVENTS, GetJobEvents, JobEventPage
from shared.contracts.commands.logs import READ_LOG, LogPiece, ReadLog
from shared.contracts.events import AnyCloudEvent
from tests.support.gateway import START, Gateway, add_job, gateway
from tests.support.waiting import until

PIECE = 200_000


@dataclass
class Wire:
    """A gateway that listens."""

    inside: Gateway
    port: int
    http: httpx.AsyncClient

    @property
    def running(self) -> int:
        """Requests under way."""
        return self.inside.parts.metrics.running

    def is_running(self, count: int) -> bool:
        """Whether so many are."""
        return self.running == count

    @contextmanager
    def connected(self, sent: bytes = b"", local: str = "127.0.0.1") -> Iterator[socket.socket]:
        """A connection with a small window that sends this and reads nothing by itself."""
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(60)
            connection.bind((local, 0))
            connection.connect(("127.0.0.1", self.port))
            connection.sendall(sent)
            yield connection

    def head(self, path: str, name: str | None = None, method: str = "GET", **headers: str) -> bytes:
        """The head of a request, in the name of an account or of nobody."""
        lines = {"Host": f"127.0.0.1:{self.port}", **(self.inside.token(name) if name else {}), **headers}
        fields = "".join(f"{key.replace('_', '-')}: {value}\r\n" for key, value in lines.items())
        return f"{method} {path} HTTP/1.1\r\n{fields}\r\n".encode()

    def endless(self, owner: str = "admin") -> str:
        """The path of a download that does not end by itself."""
        job = add_job(self.inside, owner, attempt=1)
        ran = {"job": {"state": {"attempt": 1, "allocation": {"shares": [{"node": "n"}]}}}}
        scheduled = AnyCloudEvent(
            id=f"{job.id}:1",
            type="io.jobyard.job.scheduled.v1",
            source="/jobs",
            subject=job.id,
            time=START,
            jobversion=1,
            data=ran,
        )

        def history(_: GetJobEvents) -> JobEventPage:
            return JobEventPage(items=(scheduled,))

        def piece(ask: ReadLog) -> LogPiece:
            return LogPiece(text="x" * PIECE, next_offset=ask.offset + PIECE, end=False)

        self.inside.bus.answers |= {EVENTS.subject: history, READ_LOG.at("n").subject: piece}
        return f"/api/v1/jobs/{job.id}/logs/download"


async def rest_of(connection: socket.socket) -> bytes:
    """All that still comes until the other side ends the connection."""

    def read() -> bytes:
        received = b""
        with suppress(ConnectionResetError):
            while data := connection.recv(1 << 16):
                received += data
        return received

    return await asyncio.to_thread(read)


@asynccontextmanager
async def wire(folder: Path, **settings: Any) -> AsyncGenerator[Wire, None]:
    """The application behind its own server, on a free port."""
    async with gateway(folder, port=0, **settings) as inside:
        parts = inside.parts
        server = HttpServer(application(parts, inside.people.identity.of), parts.settings, parts.streams)
        await server.open()
        serving = asyncio.create_task(server.serve())
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as http:

            async def answers() -> bool:
                with suppress(httpx.TransportError):
                    return (await http.get("/healthz")).status_code == 200
                return False

            await until(answers, "it answers")
            try:
                yield Wire(inside, server.port, http)
            finally:
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)
