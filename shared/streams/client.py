"""Opens streams into runs, wherever they are: asks the run's executor for a ticket, and shows it at its doorway.

On the executor's own machine descriptors come through a Unix socket, so that bytes flow without another hop; from
elsewhere the executor relays, if it was given an address to listen on.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from shared.bus.bus import Bus
from shared.bus.replies import invalid
from shared.contracts.commands.streams import OPEN_STREAM
from shared.contracts.errors import Unavailable
from shared.contracts.streams import Child, OpenStream, StreamTicket
from shared.streams import wire
from shared.streams.files import beside, read_line, read_line_and_files
from shared.streams.process import Process
from shared.streams.wire import Opened, boot_id, read_answer

STOP_S = 6.0
"""What is stopped has 5 s for it."""


@dataclass(frozen=True)
class RunAt:
    """One rank of a run, and the executor that answers for it."""

    job_id: str
    attempt: int
    executor: str
    rank: int = 0


class Streams:
    """Every method raises the Refusal that was given, or Unavailable.

    A Conflict has a code in its details: `run_not_running`, `not_listening`, `port_taken` (with its `holder`, `job
    <id>` of the same virtual cluster, `another job` or `another program`), `program_missing`, `program_unusable` (both
    with the `program`), `child_stopping`, `too_many_children`, `supervisor_too_old`.
    """

    def __init__(self, bus: Bus, timeout_s: float) -> None:
        self._bus = bus
        self._timeout_s = timeout_s

    async def dial(self, run: RunAt, port: int) -> socket.socket:
        """A connection, which does not block, to a program of the run that listens on this port."""
        async with self._within(self._timeout_s):
            _, files = await self._open(run, port=port)
        connection = socket.socket(fileno=files[wire.SOCKET])
        connection.setblocking(False)
        return connection

    async def start(self, run: RunAt, child: Child) -> Process:
        """Start a program in the run, or find the one that has this child's name."""
        async with self._within(self._timeout_s):
            opened, files = await self._open(run, child=child)
        for file in files.values():
            os.set_blocking(file, False)
        return Process(opened.pid or 0, socket.socket(fileno=files.pop(wire.CONTROL)), files)

    async def stop(self, run: RunAt, name: str) -> None:
        """End the child of this name, and wait for that. There may be none."""
        async with self._within(self._timeout_s + STOP_S):
            await self._open(run, stop=name)

    async def said(self, run: RunAt, name: str) -> str:
        """The last of what the child of this name has written, also when it has ended. There may be none."""
        async with self._within(self._timeout_s):
            opened, _ = await self._open(run, said=name)
            return opened.text

    @asynccontextmanager
    async def _within(self, seconds: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError as error:
            raise Unavailable("The job's node does not answer in time. Try again.") from error
        except (OSError, ValueError) as error:
            raise Unavailable(f"The job's node cannot be reached: {error}. Try again.") from error

    async def _open(
        self,
        run: RunAt,
        port: int | None = None,
        child: Child | None = None,
        stop: str | None = None,
        said: str | None = None,
    ) -> tuple[Opened, dict[str, int]]:
        try:
            ask = OpenStream(
                job_id=run.job_id, attempt=run.attempt, rank=run.rank, port=port, child=child, stop=stop, said=said
            )
        except ValidationError as error:
            raise invalid(error) from None
        ticket = await self._bus.ask(OPEN_STREAM.at(run.executor), ask, self._timeout_s)
        near = await _connected_near(ticket)
        return await _through_unix(near, ticket.ticket) if near else await _through_tcp(ticket, port is not None)


async def _connected_near(ticket: StreamTicket) -> socket.socket | None:
    """The doorway's Unix socket; none on another machine, or where this process does not see it."""
    if ticket.host_id != boot_id():
        return None
    path = Path(ticket.path)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        folder, short = beside(path.parent, path.name)
        try:
            await asyncio.get_running_loop().sock_connect(connection, short)
        finally:
            os.close(folder)
    except (FileNotFoundError, NotADirectoryError, PermissionError, ConnectionRefusedError):
        connection.close()
        if ticket.host is None:
            raise
        return None
    except BaseException:
        connection.close()
        raise
    return connection


async def _through_unix(connection: socket.socket, ticket: str) -> tuple[Opened, dict[str, int]]:
    with connection:
        await asyncio.get_running_loop().sock_sendall(connection, ticket.encode() + b"\n")
        line, files = await read_line_and_files(connection, wire.ANSWER_BYTES, wire.FILES)
    opened = read_answer(line)
    return opened, dict(zip(opened.files, files, strict=True))


async def _through_tcp(ticket: StreamTicket, dials: bool) -> tuple[Opened, dict[str, int]]:
    if ticket.host is None or ticket.port is None:
        raise Unavailable(
            "The job runs on another machine, whose executor takes no connections from here. "
            "Its operator can set JOBYARD_EXECUTOR_STREAM_HOST there."
        )
    address = (ticket.host, ticket.port)
    opened, first = await _shown(address, ticket.ticket)
    sockets = {wire.SOCKET if dials else wire.CONTROL: first}
    try:
        for name, further in opened.channels.items():
            _, sockets[name] = await _shown(address, further)
    except BaseException:
        for each in sockets.values():
            each.close()
        raise
    return opened, {name: each.detach() for name, each in sockets.items()}


async def _shown(address: tuple[str, int], ticket: str) -> tuple[Opened, socket.socket]:
    """A connection on which the ticket has been accepted, with nothing read of what follows."""
    loop = asyncio.get_running_loop()
    [(family, kind, protocol, _, place), *_] = await loop.getaddrinfo(*address, type=socket.SOCK_STREAM)
    connection = socket.socket(family, kind, protocol)
    connection.setblocking(False)
    try:
        await loop.sock_connect(connection, place)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await loop.sock_sendall(connection, ticket.encode() + b"\n")
        return read_answer(await read_line(connection, wire.ANSWER_BYTES)), connection
    except BaseException:
        connection.close()
        raise
