"""One SSH session: a shell, a command or an sftp server, as a child of the run, carried until it ends."""

import asyncio
from collections.abc import Callable, Mapping

import asyncssh
import structlog
from asyncssh.stream import SSHServerStreamSession

from services.endpoints.carry import Read, Write, carry
from services.endpoints.descriptor import PIECE
from services.endpoints.domain.ssh import SFTP, SIGNALS, environment, term_of
from shared.contracts.errors import Refusal
from shared.contracts.streams import Child, Terminal
from shared.streams.client import RunAt, Streams
from shared.streams.process import Exit, Process

log = structlog.get_logger()

CANNOT = 255
"""What `ssh` itself ends with when it is the connection that failed, not the command."""
STOPPING = ("HUP", "TERM", "KILL")
ENDED = "Ended by SIG{signal}, as when a job stops: `jobyard get {job_id}` says how the job is."
"""The end of a run ends what people have started in it, before anybody knows more."""
LARGEST = 10_000
"""Columns or rows."""


class Session(SSHServerStreamSession[bytes]):
    """`run` is where it leads; or a sentence says why it leads nowhere, and is all that the client gets."""

    def __init__(self, streams: Streams, run: RunAt | str, used: Callable[[], None], ended: Callable[[], None]) -> None:
        super().__init__(None)
        self._streams = streams
        self._run = run
        self._used = used
        self._ended = ended
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None

    # --- what the client asks for

    def pty_requested(
        self, term_type: str, term_size: tuple[int, int, int, int], term_modes: Mapping[int, int]
    ) -> bool:
        return True

    def shell_requested(self) -> bool:
        return True

    def exec_requested(self, command: str) -> bool:
        return True

    def subsystem_requested(self, subsystem: str) -> bool:
        return subsystem == "sftp"

    def session_started(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._serve())

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        if self._process is not None and self._process.terminal is not None:
            self._process.resize(_fitting(width), _fitting(height))

    def signal_received(self, signal: str) -> None:
        if self._process is not None and signal in SIGNALS:
            self._process.signal(signal)

    def break_received(self, msec: int) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._ended()
        if self._task is not None:
            self._task.cancel()

    def tell(self, sentence: str) -> None:
        """Say this on the client's stderr, while it is connected."""
        if self._task is not None and not self._task.done():
            asyncssh.SSHWriter[bytes](self, self._channel, asyncssh.EXTENDED_DATA_STDERR).write(_line(sentence))

    # --- what it gets

    async def _serve(self) -> None:
        channel = self._channel
        stdin = asyncssh.SSHReader[bytes](self, channel)
        stdout = asyncssh.SSHWriter[bytes](self, channel)
        stderr = asyncssh.SSHWriter[bytes](self, channel, asyncssh.EXTENDED_DATA_STDERR)
        if isinstance(self._run, str):
            self._refuse(stderr, self._run)
            return
        try:
            process = await self._streams.start(self._run, self._child())
        except Refusal as refusal:
            self._refuse(stderr, refusal.message)
            return
        self._process = process
        ended: Exit | None = None
        try:
            ended = await carry(process, self._got(stdin), self._sent(stdout), self._sent(stderr))
        except* (asyncssh.Error, OSError):
            pass  # who is gone needs no answer
        except* Refusal as refusals:
            self._refuse(stderr, str(refusals.exceptions[0]))
        finally:
            self._process = None
        if ended is not None:
            if ended.signal in STOPPING:
                stderr.write(_line(ENDED.format(signal=ended.signal, job_id=self._run.job_id)))
            _report(channel, ended)

    def _got(self, reader: "asyncssh.SSHReader[bytes]") -> Read:
        async def read() -> bytes:
            self._used()
            return await reader.read(PIECE)

        return read

    def _sent(self, writer: "asyncssh.SSHWriter[bytes]") -> Write:
        async def send(data: bytes) -> None:
            self._used()
            writer.write(data)
            await writer.drain()

        return send

    @property
    def _channel(self) -> "asyncssh.SSHServerChannel[bytes]":
        channel = self._chan
        assert isinstance(channel, asyncssh.SSHServerChannel)
        return channel

    def _child(self) -> Child:
        channel = self._channel
        env = environment(channel.get_environment_bytes())
        if channel.get_subsystem() is not None:
            return Child(argv=SFTP, env=env)
        terminal = None
        if (term := channel.get_terminal_type()) is not None:
            columns, rows, *_ = channel.get_terminal_size()
            terminal = Terminal(term=term_of(term), columns=_fitting(columns, 80), rows=_fitting(rows, 24))
        return Child(shell_command=channel.get_command(), env=env, terminal=terminal)

    def _refuse(self, stderr: "asyncssh.SSHWriter[bytes]", sentence: str) -> None:
        log.info("ssh_session_refused", why=sentence)
        stderr.write(_line(sentence))
        self._channel.exit(CANNOT)


def _line(sentence: str) -> bytes:
    """For a terminal that may be raw."""
    return f"{sentence}\r\n".encode()


def _report(channel: "asyncssh.SSHServerChannel[bytes]", ended: Exit) -> None:
    if ended.signal is not None:
        channel.exit_with_signal(ended.signal, ended.core)
    else:
        channel.exit(ended.code)


def _fitting(size: int, otherwise: int = 1) -> int:
    """Some clients say 0 for what they do not know."""
    return min(size, LARGEST) or otherwise
