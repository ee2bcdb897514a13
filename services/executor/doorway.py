"""The doorway of a node: where streams into its runs begin, beside NATS, for whoever shows a ticket.

A ticket is given for a request that may be refused at once; what it is for is done when it is shown. Until then a
connection costs a socket, of which there are only so many, for a few seconds.
"""

import asyncio
import contextlib
import errno
import os
import secrets
import socket
import struct
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import structlog

from services.executor.backends.protocol import Backend
from services.executor.domain.observation import Started
from services.executor.domain.record import rank_id, run_id
from services.executor.domain.tickets import LIFETIME_S, Tickets
from services.executor.executor import Executor
from services.executor.openings import Channel, Openings
from shared.clock import Clock
from shared.contracts.errors import Conflict, InternalError, Refusal, TooMany, Unauthorized
from shared.contracts.streams import OpenStream, StreamTicket
from shared.streams import wire
from shared.streams.files import beside, read_line, send_line

log = structlog.get_logger()

SOCKET = "streams.sock"
WAITING = 256
"""The most connections, of each kind, that have not shown a ticket yet."""
FULL_S = 0.1
"""Between two tries to accept one when there is no descriptor left."""
_CREDENTIALS = struct.Struct("3i")

Answer = Callable[[socket.socket, OpenStream | Channel], Awaitable[None]]


class Doorway:
    """Serves `folder/streams.sock`, and TCP where a host is given; `port` 0 is any free one."""

    def __init__(
        self, folder: Path, host: str | None, port: int, backend: Backend, executor: Executor, clock: Clock
    ) -> None:
        self._folder = folder
        self._host = host
        self._port = port
        self._executor = executor
        self._clock = clock
        self._host_id = wire.boot_id()
        self._tickets: Tickets[OpenStream | Channel] = Tickets()
        self._openings = Openings(backend, self._issue, executor.vc_of)
        self._tasks: set[asyncio.Task[None]] = set()
        self._listeners: dict[socket.socket, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Open. Raises OSError."""
        near = await asyncio.to_thread(_unix_listener, self._folder)
        self._serve(near, self._openings.near)
        if self._host is not None:
            far = await asyncio.to_thread(_tcp_listener, self._host, self._port)
            self._port = far.getsockname()[1]
            self._serve(far, self._openings.far)

    async def stop(self) -> None:
        """Close, and cut what is relayed; what was handed over goes on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()

    def admit(self, ask: OpenStream) -> StreamTicket:
        """A ticket for this request. Raises Conflict when the run is not here, TooMany."""
        id = run_id(ask.job_id, ask.attempt)
        run = self._executor.runs.get(id)
        lives = run is not None and isinstance(run.ranks.get(rank_id(id, ask.rank)), Started)
        if not lives and not (ask.said is not None and self._executor.knows(id)):
            message = "The job does not run on this node now, so that there is no way into it."
            raise Conflict(message, details={"code": "run_not_running"})
        return StreamTicket(
            ticket=self._issue(ask, id),
            host_id=self._host_id,
            path=str((self._folder / SOCKET).absolute()),
            host=self._host,
            port=self._port if self._host is not None else None,
        )

    def _issue(self, what: OpenStream | Channel, run: str) -> str:
        ticket = secrets.token_urlsafe(32)
        if not self._tickets.issue(ticket, what, run, self._clock.monotonic()):
            raise TooMany("Too many streams into the job or on its node are being opened. Try again in a few seconds.")
        return ticket

    # --- whoever comes

    def _serve(self, listener: socket.socket, answer: Answer) -> None:
        self._listeners[listener] = self._keep(self._accept(listener, answer))

    def _keep(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _accept(self, listener: socket.socket, answer: Answer) -> None:
        """When too many wait without a ticket, the one that has waited longest makes room."""
        waiting: dict[asyncio.Task[None], None] = {}
        while True:
            try:
                connection, _ = await asyncio.get_running_loop().sock_accept(listener)
            except OSError as error:
                log.warning("stream_not_accepted", error=repr(error))
                await asyncio.sleep(FULL_S)
                continue
            if not _is_ours(connection):
                connection.close()
                continue
            if len(waiting) >= WAITING:
                first = next(iter(waiting))
                del waiting[first]
                first.cancel()
            reading = self._keep(self._let_in(connection, answer))
            waiting[reading] = None
            reading.add_done_callback(lambda task: waiting.pop(task, None))

    async def _let_in(self, connection: socket.socket, answer: Answer) -> None:
        """Wait for the ticket; what it opens has all the time that it takes."""
        try:
            async with asyncio.timeout(LIFETIME_S):
                line = await read_line(connection, wire.TICKET_BYTES)
        except BaseException as error:
            connection.close()
            if not isinstance(error, OSError | ValueError):  # a TimeoutError is an OSError
                raise
            return
        answering = self._answer(connection, line.decode(errors="replace").strip(), answer)
        self._keep(answering).set_name("stream")

    async def _answer(self, connection: socket.socket, ticket: str, answer: Answer) -> None:
        with connection:
            try:
                what = self._tickets.redeem(ticket, self._clock.monotonic())
                if what is None:
                    raise Unauthorized("The ticket is not valid: it was used before, or is too old. Ask for another.")
                await answer(connection, what)
                return
            except Refusal as error:
                refusal = error
            except ConnectionError:  # whoever asked has gone
                return
            except OSError as error:
                log.warning("stream_failed", error=repr(error))
                said = os.strerror(error.errno or errno.EIO)
                refusal = InternalError(f"The node could not open the stream: {said}.")
            with contextlib.suppress(OSError):
                await send_line(connection, wire.answer_line(refusal.body()))


def _is_ours(connection: socket.socket) -> bool:
    """Whether the other side of a Unix socket is this user, or root; over TCP only the ticket counts."""
    if connection.family != socket.AF_UNIX:
        return True
    said = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return _CREDENTIALS.unpack(said)[1] in (0, os.geteuid())


def _unix_listener(folder: Path) -> socket.socket:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    (folder / SOCKET).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    file, path = beside(folder, SOCKET)
    try:
        listener.bind(path)
        (folder / SOCKET).chmod(0o600)
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    finally:
        os.close(file)
    listener.setblocking(False)
    return listener


def _tcp_listener(host: str, port: int) -> socket.socket:
    [(family, kind, protocol, _, place), *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener
