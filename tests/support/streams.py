"""Both ends of a stream into a run, read as a test needs them."""

import asyncio
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self

import psutil

from services.executor.backends.protocol import Execution
from shared.streams.files import read, read_line
from shared.streams.process import Process
from tests.support.executor_backend import processes_of
from tests.support.waiting import LONG_S


class Held:
    """A child that a backend has started, and what its caller holds of it; let go of at the end of the block."""

    def __init__(self, execution: Execution) -> None:
        self._control = execution.control
        self._files = dict(execution.files)
        self.pid = execution.pid

    def write(self, name: str, data: bytes) -> None:
        os.write(self._files[name], data)

    def close(self, name: str) -> None:
        os.close(self._files.pop(name))

    async def everything(self, name: str) -> bytes:
        return await everything(self._files.pop(name))

    async def until_said(self, name: str, text: bytes) -> bytes:
        return await until_said(self._files[name], text)

    def tell(self, message: dict[str, object]) -> None:
        self._control.send(json.dumps(message).encode() + b"\n")

    async def exit(self) -> dict[str, Any]:
        async with asyncio.timeout(LONG_S):
            said: dict[str, Any] = json.loads(await read_line(self._control, 1000))
        return said

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._control.close()
        for file in self._files.values():
            os.close(file)


async def everything(file: int | None) -> bytes:
    """What comes out of a descriptor until its end; it is closed."""
    assert file is not None
    os.set_blocking(file, False)
    found = b""
    async with asyncio.timeout(LONG_S):
        while data := await read(file):
            found += data
    os.close(file)
    return found


async def until_said(file: int | None, text: bytes) -> bytes:
    """What comes out of a descriptor until the text has come."""
    assert file is not None
    os.set_blocking(file, False)
    found = b""
    async with asyncio.timeout(LONG_S):
        while text not in found:
            data = await read(file)
            assert data, f"it ended after {found!r}"
            found += data
    return found


async def drained(process: Process, name: str) -> bytes:
    """What comes out of one of a child's streams until its end; it is closed."""
    data = await everything(getattr(process, name))
    setattr(process, name, None)
    return data


def close(process: Process) -> None:
    """Let go of a child, and of what the test has not closed of it."""
    process.close()
    for file in (process.terminal, process.stdin, process.stdout, process.stderr):
        if file is not None:
            os.close(file)


@contextmanager
def listening(address: str) -> Iterator[int]:
    """A port of this test's own process."""
    with socket.create_server((address, 0)) as server:
        yield server.getsockname()[1]


def sleeping(run_id: str) -> bool:
    """Whether somebody in the run has started `sleep 600`."""
    with suppress(psutil.Error):
        return any(process.cmdline() == ["sleep", "600"] for process in processes_of(run_id))
    return False
