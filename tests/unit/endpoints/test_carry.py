"""What a child writes last is taken, whichever way its end is told."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from services.endpoints.carry import carry
from shared.streams.process import Exit, Process

EXIT = json.dumps({"exit": 3, "signal": None, "core": False}).encode() + b"\n"


@dataclass
class Far:
    """A child on another machine with a terminal: its control and its terminal are two connections."""

    control: socket.socket
    terminal: socket.socket
    process: Process
    taken: bytes = b""
    never: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self) -> bytes:
        await self.never.wait()
        return b""

    async def write(self, data: bytes) -> None:
        self.taken += data

    async def carried(self) -> Exit:
        return await carry(self.process, self.read, self.write, self.write)


@pytest.fixture
async def far() -> AsyncIterator[Far]:
    control, mine = socket.socketpair()
    terminal, there = socket.socketpair()
    for end in (control, mine, terminal, there):
        end.setblocking(False)
    with control, terminal:
        yield Far(control, terminal, Process(1, mine, {"terminal": there.detach()}))


async def test_output_that_arrives_after_the_end_of_a_far_child_is_taken(far: Far) -> None:
    carrying = asyncio.create_task(far.carried())
    far.terminal.send(b"first ")
    far.control.send(EXIT)
    await far.process.ended()
    for _ in range(20):
        await asyncio.sleep(0)
    far.terminal.send(b"last")
    far.terminal.shutdown(socket.SHUT_WR)
    assert await carrying == Exit(code=3)
    assert far.taken == b"first last"


async def test_a_far_terminal_that_never_ends_keeps_nobody(far: Far) -> None:
    far.terminal.send(b"all")
    far.control.send(EXIT)
    assert await far.carried() == Exit(code=3)
    assert far.taken == b"all"
