"""A child in a run, as whoever started it holds it: its streams, its signals, its end."""

import asyncio
import contextlib
import json
import os
import socket
import termios
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.contracts.errors import Unavailable
from shared.streams.files import read_line

_LINE_BYTES = 65_536


@dataclass(frozen=True)
class Exit:
    """How a child ended. `signal` is its name without the SIG; `code` is then 128 and its number, as in a shell."""

    code: int
    signal: str | None = None
    core: bool = False


class Process:
    """A child that was started. Its descriptors do not block, and are the caller's to close, each of them once.

    `terminal` is the master of a pseudo-terminal (or what leads to one: use `resize`, no ioctl). Without a terminal
    there are `stdin`, `stdout` and `stderr`, each of them for one direction. A child with a name has none of them.
    """

    def __init__(self, pid: int, control: socket.socket, files: Mapping[str, int]) -> None:
        self.pid = pid
        self.terminal = files.get("terminal")
        self.stdin = files.get("stdin")
        self.stdout = files.get("stdout")
        self.stderr = files.get("stderr")
        self._control = control
        self._ending: asyncio.Task[Exit] | None = None

    def resize(self, columns: int, rows: int) -> None:
        """The terminal's size in characters; nothing happens to a child without one, or that has ended."""
        if self.terminal is None:
            return
        if os.isatty(self.terminal):
            termios.tcsetwinsize(self.terminal, (rows, columns))
        else:
            self._tell({"resize": [columns, rows]})

    def signal(self, name: str) -> None:
        """Send the child a signal: "INT", "TERM", ...; nothing happens to one that has ended."""
        self._tell({"signal": name.removeprefix("SIG")})

    async def ended(self) -> Exit:
        """Wait for the end. Raises Unavailable when nobody is left who could say how it was."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._read_exit())
            self._ending.add_done_callback(_heard)
        return await asyncio.shield(self._ending)

    def close(self) -> None:
        """Let go of the child: one without a name ends now. Its descriptors stay the caller's."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        if self._ending is None or self._ending.done():
            self._control.close()
        else:
            self._ending.add_done_callback(lambda _: self._control.close())

    async def _read_exit(self) -> Exit:
        try:
            said: dict[str, Any] = json.loads(await read_line(self._control, _LINE_BYTES))
        except (OSError, ValueError) as error:
            raise Unavailable("The program is gone, and nobody can say how it ended: so is what kept it.") from error
        return Exit(code=said["exit"], signal=said["signal"], core=said["core"])

    def _tell(self, message: dict[str, object]) -> None:
        try:
            self._control.send(json.dumps(message).encode() + b"\n", socket.MSG_NOSIGNAL)
        except OSError:
            return


def _heard(ending: asyncio.Task[Exit]) -> None:
    """Whoever waited may be gone, and then nobody else hears that the end could not be known: that is no error."""
    if not ending.cancelled():
        ending.exception()
