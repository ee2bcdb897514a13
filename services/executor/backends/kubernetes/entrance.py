"""Children of a run: programs started in its pod, with a terminal or three pipes of this machine for whoever asked.

The bytes pass through this process, so a child without a name ends with it, as it does with its caller.
"""

import asyncio
import contextlib
import json
import os
import re
import socket
import termios
import tty
from collections.abc import Mapping, Sequence

import structlog

from services.executor.backends.kubernetes import programs
from services.executor.backends.kubernetes.api import Api, ApiError, ClusterAway, Document
from services.executor.backends.kubernetes.channels import (
    ERROR,
    EXEC_PROTOCOL,
    STDERR,
    STDIN,
    STDOUT,
    Channels,
    exit_code,
)
from services.executor.backends.kubernetes.wrapper import SHELL
from services.executor.backends.protocol import Execution
from services.executor.domain import pod_names as names
from services.executor.domain.pod_states import signal_of
from shared.contracts.errors import Conflict, Unavailable
from shared.contracts.streams import Child
from shared.streams.files import read, readable, write

log = structlog.get_logger()

ANSWER_S = 15.0
_SIZE_S = 0.2
"""Between two looks at a terminal's size, which nobody tells."""
_NAMED_SIGNAL = re.compile(r"^[A-Z0-9]{2,10}$")
_LINE_BYTES = 65_536


class Entrance:
    """Into the pods of one cluster."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._relays: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        for relay in list(self._relays):
            relay.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)

    async def run(self, pod: Document, script: str) -> str:
        """What a line of shell in the pod writes. Raises ApiError, ClusterAway."""
        said = b""
        async with (
            asyncio.timeout(ANSWER_S),
            self._api.websocket(
                _path(pod), _query([SHELL, "-c", script], stdin=False, terminal=False), EXEC_PROTOCOL
            ) as connection,
        ):
            async for channel, data in Channels(connection).received():
                if channel == STDOUT:
                    said += data
                elif channel == ERROR:
                    break
        return said.decode(errors="replace")

    async def exec(self, pod: Document, child: Child, folder: str) -> Execution:
        """See `protocol.Backend.exec`, of a child without a name."""
        command = programs.entering(child, folder)
        relay = _Relay(self._api, pod, child, command)
        task = asyncio.create_task(relay.carry(), name=f"child of {pod['metadata']['name']}")
        self._relays.add(task)
        task.add_done_callback(self._relays.discard)
        try:
            async with asyncio.timeout(ANSWER_S):
                pid = await relay.started
        except BaseException as error:
            relay.mine.close()
            task.cancel()
            if isinstance(error, TimeoutError | ApiError | ClusterAway):
                raise Unavailable(f"The job's container does not let anybody in now: {error}") from error
            raise
        relay.mine.pid = pid
        return relay.mine.execution()


class _Mine:
    """The caller's ends."""

    def __init__(self, control: socket.socket, files: dict[str, int]) -> None:
        self.pid = 0
        self._control = control
        self._files = files

    def execution(self) -> Execution:
        return Execution(self.pid, self._control, self._files)

    def close(self) -> None:
        self.execution().close()


class _Relay:
    """One child: between the descriptors that its caller holds and the API server's websocket."""

    def __init__(self, api: Api, pod: Document, child: Child, command: Sequence[str]) -> None:
        self._api = api
        self._pod = pod
        self._terminal = child.terminal
        self._command = command
        self.started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        control, self._control = socket.socketpair()
        for end in (control, self._control):
            end.setblocking(False)
        mine, self._files = _terminal(child) if child.terminal is not None else _pipes()
        self.mine = _Mine(control, mine)
        self._rest = b""

    async def carry(self) -> None:
        query = _query(self._command, stdin=True, terminal=self._terminal is not None)
        try:
            async with self._api.websocket(_path(self._pod), query, EXEC_PROTOCOL) as connection:
                await self._talk(Channels(connection))
        except (ApiError, ClusterAway, ConnectionError, Conflict) as error:
            if not self.started.done():
                self.started.set_exception(error)
        finally:
            self._control.close()
            for file in self._files.values():
                os.close(file)
            self._files.clear()
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
            if not end:
                return
            self._begin(line.strip().decode(errors="replace"))
        name = "terminal" if self._terminal is not None else {STDOUT: "stdout", STDERR: "stderr"}.get(channel)
        if name in self._files and data:
            try:
                await write(self._files[name], data)
            except OSError:  # nobody reads it any more
                if name != "terminal":
                    os.close(self._files.pop(name))

    def _begin(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if word == programs.STARTED:
            self.started.set_result(int(rest))
            return
        code, _, sentence = rest.partition(" ")
        raise Conflict(
            sentence or line, details={"code": code or "program_unusable", "program": sentence.partition(":")[0]}
        )

    async def _ended(self, status: bytes) -> None:
        try:
            code = exit_code(status)
        except ValueError as error:
            raise ConnectionError(str(error)) from error
        name = signal_of(code)
        said = {"exit": code, "signal": name.removeprefix("SIG") if name else None, "core": False}
        with contextlib.suppress(OSError):
            await asyncio.get_running_loop().sock_sendall(self._control, json.dumps(said).encode() + b"\n")

    async def _input(self, channels: Channels) -> None:
        await self.started
        name = "terminal" if self._terminal is not None else "stdin"
        with contextlib.suppress(OSError):
            while data := await read(self._files[name]):
                await channels.send(STDIN, data)
        await channels.end(STDIN)

    async def _orders(self, channels: Channels) -> None:
        """Signals from the caller, and that there is no caller any more."""
        pid = await self.started
        rest = b""
        with contextlib.suppress(OSError, ValueError):
            while True:
                await readable(self._control.fileno())
                data = self._control.recv(_LINE_BYTES)
                if not data:
                    break
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    name = str(json.loads(line).get("signal", ""))
                    if _NAMED_SIGNAL.match(name):
                        await self._beside(programs.signalling(pid, name))
        await self._beside(programs.hanging_up(pid))
        await channels.close()

    async def _beside(self, command: Sequence[str]) -> None:
        with contextlib.suppress(ApiError, ClusterAway):
            async with self._api.websocket(
                _path(self._pod), _query(command, stdin=False, terminal=False), EXEC_PROTOCOL
            ) as connection:
                async for channel, _ in Channels(connection).received():
                    if channel == ERROR:
                        break

    async def _sizes(self, channels: Channels, size: tuple[int, int]) -> None:
        while True:
            await asyncio.sleep(_SIZE_S)
            now = termios.tcgetwinsize(self._files["terminal"])
            if now != size:
                size = now
                await channels.resize(columns=now[1], rows=now[0])


def _terminal(child: Child) -> tuple[dict[str, int], dict[str, int]]:
    """The caller's end, and ours, at which every byte passes as it is: the real terminal is in the pod."""
    mine, ours = os.openpty()
    tty.setraw(ours)
    if child.terminal is not None:
        termios.tcsetwinsize(mine, (child.terminal.rows, child.terminal.columns))
    os.set_blocking(ours, False)
    return {"terminal": mine}, {"terminal": ours}


def _pipes() -> tuple[dict[str, int], dict[str, int]]:
    stdin, stdout, stderr = (os.pipe2(os.O_CLOEXEC) for _ in range(3))
    ours = {"stdin": stdin[0], "stdout": stdout[1], "stderr": stderr[1]}
    for file in ours.values():
        os.set_blocking(file, False)
    return {"stdin": stdin[1], "stdout": stdout[0], "stderr": stderr[0]}, ours


def _path(pod: Document) -> str:
    meta: Mapping[str, str] = pod["metadata"]
    return f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/exec"


def _query(command: Sequence[str], stdin: bool, terminal: bool) -> list[tuple[str, str]]:
    asked = {"container": names.CONTAINER, "stdout": "true", "stdin": str(stdin).lower(), "tty": str(terminal).lower()}
    if not terminal:
        asked["stderr"] = "true"
    return [*asked.items(), *(("command", word) for word in command)]
