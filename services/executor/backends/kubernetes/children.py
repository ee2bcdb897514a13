"""One child of a run: its bytes, signals and size of terminal, carried between its caller and the pod.

They pass through this process, so its streams end with that, and the child itself is hung up when its caller has gone.
How it ended is told only after the API server's own word: a connection that breaks tells nothing.
"""

import asyncio
import contextlib
import json
import os
import re
import termios
from collections.abc import Sequence

from services.executor.backends.kubernetes import commands, descriptors, programs
from services.executor.backends.kubernetes.api import Api, ApiError, ClusterAway, Document
from services.executor.backends.kubernetes.channels import ERROR, STDERR, STDIN, STDOUT, Channels, exit_code
from services.executor.domain.pod_states import signal_of
from shared.contracts.errors import Conflict
from shared.contracts.streams import Child
from shared.streams.files import read, readable, write

_SIZE_S = 0.2
"""Between two looks at a terminal's size, which nobody tells."""
_NAMED_SIGNAL = re.compile(r"^[A-Z0-9]{2,10}$")
_LINE_BYTES = 65_536
_FIRST_LINE_BYTES = 4096
"""The line that says what became of the start is no longer, whatever the image's shell makes of it."""


class Relay:
    """Between the descriptors that the child's caller holds and the API server's websocket."""

    def __init__(self, api: Api, pod: Document, child: Child, command: Sequence[str]) -> None:
        self._api = api
        self._pod = pod
        self._terminal = child.terminal
        self._command = command
        self.started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """Its process's id, once it runs. Raises what it was refused with."""
        self.caller, self._ours = descriptors.opened(child)
        self._rest = b""

    async def carry(self) -> None:
        """Until the child has ended, or its caller is gone."""
        terminal = self._terminal is not None
        try:
            async with commands.started(self._api, self._pod, self._command, stdin=True, terminal=terminal) as channels:
                await self._talk(channels)
        except (ApiError, ClusterAway, ConnectionError, Conflict) as error:
            if not self.started.done():
                self.started.set_exception(error)
        finally:
            self._ours.close()
            if not self.started.done():
                self.started.cancel()

    async def _talk(self, channels: Channels) -> None:
        size = self._terminal
        if size is not None:
            await channels.resize(size.columns, size.rows)
        helpers = [asyncio.create_task(self._input(channels)), asyncio.create_task(self._orders(channels))]
        if size is not None:
            helpers.append(asyncio.create_task(self._sizes(channels, (size.rows, size.columns))))
        try:
            async for channel, data in channels.received():
                if channel == ERROR:
                    await self._ended(data)
                    return
                await self._output(channel, data)
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)

    async def _output(self, channel: int, data: bytes) -> None:
        if channel == STDOUT and not self.started.done():
            self._rest += data
            line, end, data = self._rest.partition(b"\n")
            if not end and len(self._rest) <= _FIRST_LINE_BYTES:
                return
            self._rest = b""
            self._begin(line.strip().decode(errors="replace"))
        name = "terminal" if self._terminal is not None else {STDOUT: "stdout", STDERR: "stderr"}.get(channel)
        if name in self._ours.files and data:
            try:
                await write(self._ours.files[name], data)
            except OSError:  # nobody reads it any more
                if name != "terminal":
                    os.close(self._ours.files.pop(name))

    def _begin(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if word == programs.STARTED and rest.isdecimal():
            self.started.set_result(int(rest))
            return
        if word != programs.REFUSED:
            raise Conflict(
                "The job's container said something else than whether the program has started.",
                details={"code": programs.PROGRAM_UNUSABLE},
            )
        code, _, sentence = rest.partition(" ")
        raise Conflict(sentence, details={"code": code, "program": sentence.partition(":")[0]})

    async def _ended(self, status: bytes) -> None:
        try:
            code = exit_code(status)
        except ValueError as error:
            raise ConnectionError(str(error)) from error
        name = signal_of(code)
        said = {"exit": code, "signal": name.removeprefix("SIG") if name else None, "core": False}
        with contextlib.suppress(OSError):
            await asyncio.get_running_loop().sock_sendall(self._ours.control, json.dumps(said).encode() + b"\n")

    async def _input(self, channels: Channels) -> None:
        await self.started
        name = "terminal" if self._terminal is not None else "stdin"
        with contextlib.suppress(OSError):
            while data := await read(self._ours.files[name]):
                await channels.send(STDIN, data)
        await channels.end(STDIN)

    async def _orders(self, channels: Channels) -> None:
        """Signals from the caller, and that there is no caller any more."""
        pid = await self.started
        rest = b""
        with contextlib.suppress(OSError, ValueError):
            while True:
                await readable(self._ours.control.fileno())
                data = self._ours.control.recv(_LINE_BYTES)
                if not data:
                    break
                *lines, rest = (rest + data).split(b"\n")
                if len(rest) > _LINE_BYTES:
                    break
                for line in lines:
                    order = json.loads(line)
                    name = str(order.get("signal", "")) if isinstance(order, dict) else ""
                    if _NAMED_SIGNAL.match(name):
                        await self._beside(programs.signalling(pid, name))
        await self._beside(programs.hanging_up(pid))
        await channels.close()

    async def _beside(self, command: Sequence[str]) -> None:
        with contextlib.suppress(ApiError, ClusterAway):
            await commands.said(self._api, self._pod, command)

    async def _sizes(self, channels: Channels, size: tuple[int, int]) -> None:
        while True:
            await asyncio.sleep(_SIZE_S)
            now = termios.tcgetwinsize(self._ours.files["terminal"])
            if now != size:
                size = now
                await channels.resize(columns=now[1], rows=now[0])
