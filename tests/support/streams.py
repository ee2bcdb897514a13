"""Both ends of a stream into a run, read as a test needs them."""

import asyncio
import os

from shared.streams.files import read
from shared.streams.process import Process
from tests.support.waiting import LONG_S


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


def close(process: Process) -> None:
    """Let go of a child, and of what the test has not closed of it."""
    process.close()
    for file in (process.terminal, process.stdin, process.stdout, process.stderr):
        if file is not None:
            os.close(file)
