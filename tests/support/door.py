"""The HTTP door on a real port, before programs that listen on this machine; who may do what is said by the test."""

import asyncio
import socket
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from services.endpoints.domain.document import EndpointDocument, RunPlace, endpoint_id
from services.endpoints.domain.shares import Shares
from services.endpoints.door.server import HttpDoor
from services.endpoints.door.tunnel import Tunnel
from services.endpoints.guard import Guard
from services.endpoints.settings import EndpointsSettings
from services.endpoints.store import EndpointStore
from shared.bus.bus import Bus
from shared.clock import SystemClock
from shared.contracts.commands.endpoints import ADMIT
from shared.contracts.commands.jobs import VIEWS, JobViews
from shared.contracts.endpoints import Admit, Admitted, EndpointKind, EndpointStatus
from shared.contracts.errors import Conflict, Forbidden, NotFound, Refusal, Unauthorized
from shared.contracts.job import JobView
from shared.store.sqlite import SqliteStore
from shared.streams.client import RunAt, Streams
from tests.support.ports import free_port

JOB = "01JD00RD00RD00RD00RD00RDAA"
OTHER_JOB = "01JD00RD00RD00RD00RD00RDBB"
TOKEN = "jy_" + "0" * 26 + "_" + "c" * 43
"""Ada's: the canary that no job may see."""
BOBS = "jy_" + "0" * 26 + "_" + "b" * 43
CAROLS = "jy_" + "0" * 26 + "_" + "d" * 43
"""An administrator's."""
EVES = "jy_" + "0" * 26 + "_" + "e" * 43
WHEN = datetime(2026, 11, 28, tzinfo=UTC)


@dataclass
class Gatekeeper(Bus):
    """Answers what the gateway would: ada may use her job, bob sees it, eve knows of none."""

    refused: Refusal | None = None
    """What everybody is told from now on."""
    jobs: tuple[JobView, ...] = ()
    """Those that the service of jobs knows of."""

    async def ask(self, command: Any, ask: Any, timeout: float = 5.0) -> Any:
        if command is VIEWS:
            return JobViews(items=tuple(job for job in self.jobs if job.id in ask.ids))
        assert command is ADMIT and isinstance(ask, Admit)
        if self.refused is not None:
            raise self.refused
        who = ask.token or ask.credential
        if who in (BOBS, "token:bob"):
            raise Forbidden("That job is ada's.")
        if who in (CAROLS, "token:carol"):
            return Admitted(user="carol", credential="token:carol")
        if who not in (TOKEN, "token:ada"):
            raise NotFound("There is no such job.") if who == EVES else Unauthorized("This token does not count.")
        return Admitted(user="ada", credential="token:ada")


@dataclass
class Door:
    """A door that is open, and what the test may turn."""

    http_door: HttpDoor
    port: int
    store: EndpointStore
    gatekeeper: Gatekeeper
    http: httpx.AsyncClient
    used: list[str] = field(default_factory=list)
    came: list[tuple[str, str]] = field(default_factory=list)
    """Who came in, from where."""
    dialled: list[tuple[RunAt, int]] = field(default_factory=list)

    async def add(
        self, name: str, target: int | None, job_id: str = JOB, secret: str | None = None, running: bool = True
    ) -> str:
        """An endpoint, and its path."""
        kind = EndpointKind.PORT if name.startswith("port-") else EndpointKind(name)
        document = EndpointDocument(
            id=endpoint_id(job_id, name),
            version=1,
            job_id=job_id,
            vc="default",
            owner="ada",
            name=name,
            kind=kind,
            port=target if kind is EndpointKind.PORT else None,
            status=EndpointStatus.READY if running else EndpointStatus.REQUESTED,
            requested_by="ada",
            requested_at=WHEN,
            run=RunPlace(attempt=1, executor="here") if running else None,
            target=target,
            secret=secret,
        )
        await self.store.endpoints.insert(document)
        return f"/endpoints/{job_id}/{name}"

    async def raw(self, data: bytes) -> bytes:
        """Everything that comes back for these bytes, until the door closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(data)
            await writer.drain()
            return await asyncio.wait_for(reader.read(), 30)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


async def dial_here(run: RunAt, port: int) -> socket.socket:
    """What the executor does for a program of a run, on this machine and for any program."""
    connecting = socket.socket()
    connecting.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(connecting, ("127.0.0.1", port))
    except ConnectionRefusedError:
        connecting.close()
        raise Conflict(f"Nothing listens on port {port} yet.", details={"code": "not_listening"}) from None
    return connecting


@asynccontextmanager
async def open_door(**settings: Any) -> AsyncGenerator[Door]:
    """A door with a store of its own."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="jobyard-door-") as folder:
        store, clock, gatekeeper = SqliteStore(Path(folder) / "endpoints.sqlite"), SystemClock(), Gatekeeper()
        endpoints = EndpointStore(store)
        used: list[str] = []
        came: list[tuple[str, str]] = []
        guard = Guard(endpoints, gatekeeper, clock, 5.0, lambda passed, address: came.append((passed.user, address)))
        dialled: list[tuple[RunAt, int]] = []

        async def dial(run: RunAt, port: int) -> socket.socket:
            dialled.append((run, port))
            return await dial_here(run, port)

        chosen = EndpointsSettings(http_port=port, **settings)
        shares = Shares(chosen.max_requests, chosen.share)

        def touch(id: str, by: str) -> None:
            used.append(id)

        tunnel = Tunnel(guard, Streams(gatekeeper, 5.0), dial, chosen.names, shares, touch)
        door = HttpDoor(chosen, guard, dial, store, clock, touch, shares, (tunnel.register,))
        await store.open()
        await door.start()
        watching = asyncio.create_task(guard.watch())
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as http:
            http.headers["Authorization"] = f"Bearer {TOKEN}"
            try:
                yield Door(door, port, endpoints, gatekeeper, http, used, came, dialled)
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
                await door.stop()
                await store.close()


Answer = Callable[[bytes, asyncio.StreamWriter, asyncio.StreamReader], Awaitable[None]]


@asynccontextmanager
async def program(answer: Answer) -> AsyncGenerator[int]:
    """A program behind the door that gets each request's head and answers as it likes; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    await answer(await reader.readuntil(b"\r\n\r\n"), writer, reader)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 20)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
