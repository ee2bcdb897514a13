"""The doorway of a node: where streams into its runs begin, beside NATS, for whoever shows a ticket.

A ticket is given for a request that may be refused at once; what it is for is done when it is shown. Until then a
connection costs a socket, of which there are only so many, for a few seconds. The Unix socket hands descriptors over
and is done; the TCP port, if one is set, relays for as long as the stream lasts.
"""

import asyncio
import contextlib
import errno
import os
import secrets
import socket
import struct
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import structlog

from services.executor import relay
from services.executor.backends.protocol import Backend, Execution
from services.executor.domain.observation import Started
from services.executor.domain.record import run_id
from services.executor.domain.tickets import LIFETIME_S, Tickets
from services.executor.executor import Executor
from shared.clock import Clock
from shared.contracts.errors import Conflict, InternalError, Refusal, TooMany, Unauthorized
from shared.contracts.streams import OpenStream, StreamTicket
from shared.streams import wire
from shared.streams.files import beside, read_line
from shared.streams.wire import Opened, answer_line

log = structlog.get_logger()

SOCKET = "streams.sock"
WAITING = 256
"""Connections that have not shown a ticket yet."""
FULL_S = 0.1
"""Between two tries to accept one when there is no descriptor left."""
SAID_BYTES = 16_384
_CREDENTIALS = struct.Struct("3i")


class Doorway:
    """Serves `folder/streams.sock`, and TCP where a host is given; `port` 0 is any free one."""

    def __init__(
        self, folder: Path, host: str | None, port: int, backend: Backend, executor: Executor, clock: Clock
    ) -> None:
        self._folder = folder
        self._host = host
        self._port = port
        self._backend = backend
        self._executor = executor
        self._clock = clock
        self._host_id = wire.boot_id()
        self._tickets: Tickets[OpenStream | Channel] = Tickets()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listeners: dict[socket.socket, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Open, once. Raises OSError."""
        if self._listeners:
            return
        near = await asyncio.to_thread(_unix_listener, self._folder)
        self._serve_all(near, self._near)
        if self._host is not None:
            far = await asyncio.to_thread(_tcp_listener, self._host, self._port)
            self._port = far.getsockname()[1]
            self._serve_all(far, self._far)

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
        lives = run is not None and isinstance(run.seen, Started) and run.record.rank == ask.rank
        if not lives and not (ask.said is not None and self._executor.knows(id)):
            message = "The job does not run on this node now, so that there is no way into it."
            raise Conflict(message, details={"code": "run_not_running"})
        return StreamTicket(
            ticket=self._issue(ask),
            host_id=self._host_id,
            path=str((self._folder / SOCKET).absolute()),
            host=self._host,
            port=self._port if self._host is not None else None,
        )

    def _issue(self, what: "OpenStream | Channel") -> str:
        ticket = secrets.token_urlsafe(32)
        if not self._tickets.issue(ticket, what, self._clock.monotonic()):
            raise TooMany("Too many streams are being opened on this node. Try again in a few seconds.")
        return ticket

    # --- whoever comes

    def _serve_all(self, listener: socket.socket, answer: "Answer") -> None:
        self._listeners[listener] = self._keep(self._accept(listener, answer))

    def _keep(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _accept(self, listener: socket.socket, answer: "Answer") -> None:
        """Whoever shows no ticket makes room, the longest first, when there are too many of them."""
        waiting: dict[asyncio.Task[None], None] = {}
        while True:
            try:
                connection, _ = await asyncio.get_running_loop().sock_accept(listener)
            except OSError as error:
                log.warning("stream_not_accepted", error=repr(error))
                await asyncio.sleep(FULL_S)
                continue
            if connection.family == socket.AF_UNIX and not _is_ours(connection):
                connection.close()
                continue
            if len(waiting) >= WAITING:
                next(iter(waiting)).cancel()
            task = self._keep(self._let_in(connection, answer, waiting))
            waiting[task] = None

    async def _let_in(
        self, connection: socket.socket, answer: "Answer", waiting: dict[asyncio.Task[None], None]
    ) -> None:
        me = asyncio.current_task()
        try:
            connection.setblocking(False)
            async with asyncio.timeout(LIFETIME_S):
                line = await read_line(connection, wire.TICKET_BYTES)
        except (OSError, ValueError, TimeoutError):
            connection.close()
            return
        except asyncio.CancelledError:
            connection.close()
            raise
        finally:
            if me is not None:
                waiting.pop(me, None)
        with connection:
            await self._answer(connection, line.decode(errors="replace").strip(), answer)

    async def _answer(self, connection: socket.socket, ticket: str, answer: "Answer") -> None:
        what = self._tickets.redeem(ticket, self._clock.monotonic())
        refusal: Refusal
        try:
            if what is None:
                raise Unauthorized("The ticket is not valid: it has been used, or is too old. Ask for another one.")
            await answer(connection, what)
            return
        except Refusal as error:
            refusal = error
        except OSError as error:
            log.warning("stream_failed", error=repr(error))
            refusal = InternalError(f"The node could not open the stream: {os.strerror(error.errno or errno.EIO)}.")
        with contextlib.suppress(OSError):
            await _say(connection, answer_line(refusal.body()))

    async def _near(self, connection: socket.socket, what: "OpenStream | Channel") -> None:
        """Hand over what was opened."""
        if isinstance(what, Channel):
            raise Unauthorized("This ticket is for the other side of the doorway.")
        id = run_id(what.job_id, what.attempt)
        if what.port is not None:
            with await self._backend.dial(id, what.rank, what.port) as dialed:
                await _say(connection, answer_line(Opened(files=(wire.SOCKET,))), [dialed.fileno()])
        elif what.child is not None:
            execution = await self._backend.exec(id, what.rank, what.child)
            try:
                files = {wire.CONTROL: execution.control.fileno(), **execution.files}
                opened = Opened(pid=execution.pid, files=tuple(files))
                await _say(connection, answer_line(opened), list(files.values()))
            finally:
                execution.close()
        else:
            await self._without_stream(connection, id, what)
        log.info("stream_opened", run_id=id, port=what.port, child=what.child is not None)

    async def _far(self, connection: socket.socket, what: "OpenStream | Channel") -> None:
        """Relay what was opened."""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if isinstance(what, Channel):
            file = what.take()
            await _say(connection, answer_line(Opened()))
            await relay.stream(what.name, file, connection)
            return
        id = run_id(what.job_id, what.attempt)
        log.info("stream_opened", run_id=id, port=what.port, child=what.child is not None, relayed=True)
        if what.port is not None:
            with await self._backend.dial(id, what.rank, what.port) as dialed:
                await _say(connection, answer_line(Opened()))
                await relay.both_ways(dialed, connection)
        elif what.child is not None:
            await self._relay_child(connection, await self._backend.exec(id, what.rank, what.child))
        else:
            await self._without_stream(connection, id, what)

    async def _relay_child(self, connection: socket.socket, execution: Execution) -> None:
        terminal = execution.files.get("terminal")
        size = os.dup(terminal) if terminal is not None else None
        channels = [Channel(name, file) for name, file in execution.files.items()]
        try:
            tickets = {channel.name: self._issue(channel) for channel in channels}
            await _say(connection, answer_line(Opened(pid=execution.pid, channels=tickets)))
            asyncio.get_running_loop().call_later(LIFETIME_S, _close_unclaimed, channels)
            await relay.control(execution.control, connection, size)
        except BaseException:
            _close_unclaimed(channels)
            raise
        finally:
            execution.control.close()
            if size is not None:
                os.close(size)

    async def _without_stream(self, connection: socket.socket, id: str, ask: OpenStream) -> None:
        text = ""
        if ask.stop is not None:
            await self._stop(id, ask.rank, ask.stop)
        elif ask.said is not None:
            text = await asyncio.to_thread(_end_of, self._backend.output(id, ask.said))
        await _say(connection, answer_line(Opened(text=text)))

    async def _stop(self, id: str, rank: int, name: str) -> None:
        """Until the child has ended; that there is none is what was asked for."""
        try:
            execution = await self._backend.exec(id, rank, name)
        except Conflict as refusal:
            if refusal.details.get("code") in ("not_started", "run_not_running"):
                return
            raise
        try:
            await _say(execution.control, b'{"stop": true}\n')
            await read_line(execution.control, wire.ANSWER_BYTES)
        except ConnectionError:  # so has its supervisor
            return
        finally:
            execution.close()


class Channel:
    """A stream of a child on its way to another machine."""

    def __init__(self, name: str, file: int) -> None:
        self.name = name
        self._file: int | None = file

    def take(self) -> int:
        """The descriptor, which is the caller's to close. Raises Unauthorized if the child has gone meanwhile."""
        file, self._file = self._file, None
        if file is None:
            raise Unauthorized("The stream is not there any more.")
        return file

    def close(self) -> None:
        if self._file is not None:
            os.close(self.take())


Answer = Callable[[socket.socket, OpenStream | Channel], Awaitable[None]]


def _close_unclaimed(channels: list[Channel]) -> None:
    for channel in channels:
        channel.close()


def _is_ours(connection: socket.socket) -> bool:
    """Whether the other side is this user, or root."""
    said = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return _CREDENTIALS.unpack(said)[1] in (0, os.geteuid())


async def _say(connection: socket.socket, line: bytes, files: Sequence[int] = ()) -> None:
    sent = socket.send_fds(connection, [line], files) if files else 0
    await asyncio.get_running_loop().sock_sendall(connection, line[sent:])


def _end_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - SAID_BYTES))
            return file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""


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
    finally:
        os.close(file)
    listener.setblocking(False)
    return listener


def _tcp_listener(host: str, port: int) -> socket.socket:
    [(family, kind, protocol, _, place), *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(place)
    listener.listen(128)
    listener.setblocking(False)
    return listener
