"""One child of a run that ends with its caller: its bytes, signals and size of terminal, carried to and from the pod.

They pass through this process, so its streams end with that. How it ended is told only after a word of the API
server's, or when its pod has ended and taken it along: a connection that breaks tells nothing, and the child is hung
up then as when its caller has gone.
"""

import asyncio
import contextlib
import os
import termios
from collections.abc import Awaitable, Callable, Sequence

import structlog

from services.executor.backends.kubernetes import commands, descriptors, programs
from services.executor.backends.kubernetes.api import Api, Document
from services.executor.backends.kubernetes.channels import ERROR, STDERR, STDIN, STDOUT, Channels, exit_code
from services.executor.backends.kubernetes.control import KILLED, orders, tell_exit
from services.executor.backends.kubernetes.programs import Process
from services.executor.backends.kubernetes.refusals import ApiError, ClusterAway
from shared.contracts.errors import Conflict
from shared.contracts.streams import Child
from shared.streams.files import read, write

log = structlog.get_logger()

_SIZE_S = 0.2
"""Between two looks at a terminal's size, which nobody tells."""
_LOOKS, _LOOK_S = 20, 0.5
"""A pod's end may be told so much later than its streams end."""
_FIRST_LINE_BYTES = 4096
"""The line that says what became of the start is no longer, whatever the image's shell makes of it."""

AWAY = (ApiError, ClusterAway, ConnectionError)


class Relay:
    """Between the descriptors that the child's caller holds and the API server's websocket.

    `command` starts the child, once it was `told` its variables. `lives`: whether the pod's run still does. `noted` is
    told of the child before its caller is, and once more when it has ended.
    """

    def __init__(
        self,
        api: Api,
        pod: Document,
        child: Child,
        command: Sequence[str],
        told: bytes,
        lives: Callable[[], Awaitable[bool]],
        noted: Callable[[Process, bool], Awaitable[None]],
    ) -> None:
        self._api = api
        self._pod = pod
        self._terminal = child.terminal
        self._command = command
        self._variables = told
        self._lives = lives
        self._noted = noted
        self._process: Process | None = None
        self.left: Process | None = None
        """The child, as long as it may live: who holds it no more sees that it is hung up."""
        self._told = False
        self.started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """Its process's id, once it runs. Raises what it was refused with."""
        self.caller, self._ours = descriptors.opened(child)
        self._rest = b""
        self._echo = 2 * len(told) if self._terminal is not None else 0
        """A terminal says so much at most of what the child is told, before that starts: nobody is to see it."""

    async def carry(self) -> None:
        """Until the child has ended, or its caller is gone."""
        terminal = self._terminal is not None
        try:
            try:
                async with commands.started(self._api, self._pod, self._command, True, terminal) as channels:
                    await self._talk(channels)
                self._fail(ConnectionError("the connection to the job's container broke"))
            except (*AWAY, Conflict) as error:
                self._fail(error)
            if not self._told and self._process is not None:
                await self._lost(self._process)
        finally:
            self._ours.close()
            self.started.cancel()

    def _fail(self, error: Exception) -> None:
        if not self.started.done():
            self.started.set_exception(error)

    async def _talk(self, channels: Channels) -> None:
        size = self._terminal
        if size is not None:
            await channels.resize(size.columns, size.rows)
        receiving, ordered = (asyncio.create_task(way(channels)) for way in (self._receive, self._orders))
        helpers = [receiving, ordered, asyncio.create_task(self._input(channels))]
        if size is not None:
            helpers.append(asyncio.create_task(self._sizes(channels, (size.rows, size.columns))))
        try:
            await asyncio.wait((receiving, ordered), return_when=asyncio.FIRST_COMPLETED)
            if receiving.done():
                receiving.result()
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)

    async def _receive(self, channels: Channels) -> None:
        async for channel, data in channels.received():
            if channel == ERROR:
                await self._ended(data)
                return
            await self._output(channel, data)

    async def _output(self, channel: int, data: bytes) -> None:
        if channel == STDOUT and self._process is None:
            self._rest += data
            await self._first_line()
            data, self._rest = (b"", self._rest) if self._process is None else (self._rest, b"")
        name = "terminal" if self._terminal is not None else {STDOUT: "stdout", STDERR: "stderr"}.get(channel)
        if name in self._ours.files and data:
            try:
                await write(self._ours.files[name], data)
            except OSError:  # nobody reads it any more
                if name != "terminal":
                    os.close(self._ours.files.pop(name))

    async def _first_line(self) -> None:
        """The child begins when it is there."""
        while self._process is None:
            line, end, rest = self._rest.partition(b"\n")
            if not end and len(line) <= _FIRST_LINE_BYTES:
                return
            self._rest = rest
            if len(line) < self._echo and not programs.starts(line):
                self._echo -= len(line)
            else:
                await self._begin(line.strip().decode(errors="replace"))

    async def _begin(self, line: str) -> None:
        self.left = process = programs.begun(line)
        await self._noted(process, True)
        self._process = process
        self.started.set_result(process.pid)

    async def _ended(self, status: bytes) -> None:
        try:
            code = exit_code(status)
        except ValueError as error:
            raise ConnectionError(str(error)) from error
        await self._over(code)

    async def _over(self, code: int) -> None:
        self._told = True
        if self._process is not None:
            await self._gone(self._process)
        await tell_exit(self._ours.control, code)

    async def _lost(self, process: Process) -> None:
        """Nobody holds its streams any more: it has gone with its pod, or is to end."""
        try:
            await commands.said(self._api, self._pod, programs.hanging_up(process))
            await self._gone(process)
            return
        except AWAY as error:
            log.info("child_not_hung_up", pod=self._pod["metadata"]["name"], error=str(error))
        for _ in range(_LOOKS):
            if not await self._lives():
                await self._over(KILLED)
                return
            await asyncio.sleep(_LOOK_S)

    async def _gone(self, process: Process) -> None:
        await self._noted(process, False)
        self.left = None

    async def _input(self, channels: Channels) -> None:
        await channels.tell(STDIN, self._variables)
        await asyncio.shield(self.started)
        name = "terminal" if self._terminal is not None else "stdin"
        with contextlib.suppress(OSError):
            while data := await read(self._ours.files[name]):
                await channels.send(STDIN, data)
            await channels.end(STDIN)

    async def _orders(self, _: Channels) -> None:
        """Signals from the caller, and that there is no caller any more."""
        await asyncio.shield(self.started)
        assert self._process is not None
        async for order in orders(self._ours.control):
            if (name := order.get("signal")) is not None:
                with contextlib.suppress(*AWAY):
                    await commands.said(self._api, self._pod, programs.signalling(self._process, name))

    async def _sizes(self, channels: Channels, size: tuple[int, int]) -> None:
        while True:
            await asyncio.sleep(_SIZE_S)
            now = termios.tcgetwinsize(self._ours.files["terminal"])
            if now != size:
                size = now
                await channels.resize(columns=now[1], rows=now[0])
