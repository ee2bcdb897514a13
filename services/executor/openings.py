"""What a ticket that was shown opens in a run, and how whoever showed it gets it.

Near, on this machine: descriptors are handed over, and the executor has no part in it any more. Far: it relays for as
long as the stream lasts, each stream of a child over a connection of its own.
"""

import asyncio
import os
import socket
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from services.executor import relay
from services.executor.backends.protocol import Backend, Execution, PortTaken
from services.executor.domain.record import rank_id, rank_of, run_id
from services.executor.domain.tickets import LIFETIME_S
from shared.contracts.errors import Conflict, Unauthorized
from shared.contracts.streams import NAMED_HOLDER, OpenStream
from shared.streams import wire
from shared.streams.alive import keep_alive
from shared.streams.files import read_line, send_line
from shared.streams.wire import Opened, answer_line

log = structlog.get_logger()

SAID_BYTES = 16_384
"""So much of a child's last words is told."""


class Channel:
    """A stream of a child that waits for its connection."""

    def __init__(self, name: str, file: int) -> None:
        self.name = name
        self._file: int | None = file

    def take(self) -> int:
        """The descriptor, which is the caller's to close. Raises Unauthorized when nobody came for it in time."""
        file, self._file = self._file, None
        if file is None:
            raise Unauthorized("The stream is not there any more.")
        return file

    def close(self) -> None:
        if self._file is not None:
            os.close(self.take())


class Openings:
    """Into the runs of one backend. `issue` makes a ticket for a child's stream in a run; it raises TooMany.

    `vc_of`: the virtual cluster of a run that is known here.
    """

    def __init__(
        self, backend: Backend, issue: Callable[[Channel, str], str], vc_of: Callable[[str], str | None]
    ) -> None:
        self._backend = backend
        self._issue = issue
        self._vc_of = vc_of

    async def near(self, connection: socket.socket, what: OpenStream | Channel) -> None:
        """Hand over what was opened. Raises Refusal, OSError."""
        if isinstance(what, Channel):
            raise Unauthorized("This ticket is for a connection over TCP.")
        id = rank_id(run_id(what.job_id, what.attempt), what.rank)
        if what.port is not None:
            with await self._dial(id, what.port) as dialed:
                await send_line(connection, answer_line(Opened(files=(wire.SOCKET,))), [dialed.fileno()])
        elif what.child is not None:
            execution = await self._backend.exec(id, what.child)
            try:
                _note(id, what, execution)
                files = {wire.CONTROL: execution.control.fileno(), **execution.files}
                opened = Opened(pid=execution.pid, files=tuple(files))
                await send_line(connection, answer_line(opened), list(files.values()))
            finally:
                execution.close()
        else:
            await self._without_stream(connection, id, what)

    async def far(self, connection: socket.socket, what: OpenStream | Channel) -> None:
        """Relay what was opened, until its end. Raises Refusal, OSError."""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        keep_alive(connection)
        if isinstance(what, Channel):
            await self._relay_channel(connection, what)
            return
        id = rank_id(run_id(what.job_id, what.attempt), what.rank)
        if what.port is not None:
            with await self._dial(id, what.port) as dialed:
                await send_line(connection, answer_line(Opened()))
                keep_alive(dialed)
                await relay.both_ways(dialed, connection)
        elif what.child is not None:
            execution = await self._backend.exec(id, what.child)
            _note(id, what, execution)
            await self._relay_child(connection, id, execution)
        else:
            await self._without_stream(connection, id, what)

    async def _dial(self, id: str, port: int) -> socket.socket:
        """Who has the port instead is named only within one virtual cluster: nobody else may know of that job."""
        try:
            return await self._backend.dial(id, port)
        except PortTaken as taken:
            vc = self._vc_of(taken.run_id) if taken.run_id is not None else None
            if taken.run_id is None or vc is None or vc != self._vc_of(id):
                raise
            named = f"{NAMED_HOLDER}{taken.run_id.partition('.')[0]}"
            raise PortTaken(port, taken.run_id, named) from None

    async def _relay_channel(self, connection: socket.socket, channel: Channel) -> None:
        file = channel.take()
        try:
            await send_line(connection, answer_line(Opened()))
            await relay.stream(channel.name, file, connection)
        finally:
            os.close(file)

    async def _relay_child(self, connection: socket.socket, id: str, execution: Execution) -> None:
        terminal = execution.files.get("terminal")
        sized = os.dup(terminal) if terminal is not None else None
        channels = [Channel(name, file) for name, file in execution.files.items()]
        patience = asyncio.get_running_loop().call_later(LIFETIME_S, _close_all, channels)
        try:
            tickets = {channel.name: self._issue(channel, rank_of(id)[0]) for channel in channels}
            await send_line(connection, answer_line(Opened(pid=execution.pid, channels=tickets)))
            await relay.control(execution.control, connection, sized)
        except BaseException:
            patience.cancel()
            _close_all(channels)
            raise
        finally:
            execution.control.close()
            if sized is not None:
                os.close(sized)

    async def _without_stream(self, connection: socket.socket, id: str, ask: OpenStream) -> None:
        text = ""
        if ask.stop is not None:
            await self._stop(id, ask.stop)
        elif ask.said is not None:
            text = await asyncio.to_thread(_end_of, self._backend.output(id, ask.said))
        await send_line(connection, answer_line(Opened(text=text)))

    async def _stop(self, id: str, name: str) -> None:
        """Until the child has ended; that there is none is what was asked for."""
        try:
            execution = await self._backend.exec(id, name)
        except Conflict as refusal:
            if refusal.details.get("code") in ("not_started", "run_not_running"):
                return
            raise
        try:
            await send_line(execution.control, b'{"stop": true}\n')
            await read_line(execution.control, wire.ANSWER_BYTES)
        except ConnectionError:  # its supervisor has ended as well
            return
        finally:
            execution.close()


def _note(id: str, ask: OpenStream, execution: Execution) -> None:
    log.info("child_started", run_id=id, pid=execution.pid, name=ask.child.name if ask.child else None)


def _close_all(channels: Sequence[Channel]) -> None:
    """Those that nobody has come for."""
    for channel in channels:
        channel.close()


def _end_of(path: Path) -> str:
    """Whatever a run has put in the file's place: nothing that a link leads to is read, and nothing waited for."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return ""
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - SAID_BYTES))
            return file.read().decode(errors="replace")
    except OSError:
        return ""
