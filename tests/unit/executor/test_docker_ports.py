"""A connection to a port of a run in a container is the caller's own, whatever answers at the run's door."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.executor.backends.docker.ports import Ports
from services.executor.backends.process import marks
from services.executor.backends.process.entrance import Entrance
from shared.contracts.errors import Conflict, Unavailable
from tests.support.waiting import until

PORT = 8888


class Door:
    """A run's, at which `answer` is given; what was handed in is kept in `got`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.answer = b""
        self.brings: list[int] = []
        self.got: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / marks.CONTROL))
        self._listener.listen()

    def folder(self, run_id: str) -> Path:
        return self._folder

    def shell(self) -> str:
        return "/bin/sh"

    async def check(self, run_id: str) -> None: ...

    async def call(self, run_id: str) -> None: ...

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection, contextlib.suppress(OSError):
                    _, files, _, _ = socket.recv_fds(connection, 1 << 16, 1)
                    self.got += [socket.socket(fileno=file) for file in files]
                    for file in self.brings:
                        socket.send_fds(connection, [b" "], [file])
                    connection.sendall(self.answer + b"\n")

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for each in (*self.got, self._listener):
            each.close()


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    door = Door(tmp_path)
    serving = asyncio.create_task(asyncio.to_thread(door.serve))
    yield door
    door.close()
    await serving


async def test_nobody_in_a_run_can_have_a_connection_block_or_hand_in_more(door: Door) -> None:
    door.answer, door.brings = b'{"dialed": true}', [0] * 100
    before = len(os.listdir("/proc/self/fd"))
    with await Ports(Entrance(door)).dial("a", PORT) as dialed:
        [theirs] = door.got
        theirs.setblocking(True)
        assert not os.get_blocking(dialed.fileno())
        theirs.send(b"hello")
        assert dialed.recv(100) == b"hello"
        theirs.close()
        assert dialed.recv(100) == b""
    door.got.clear()
    await until(lambda: len(os.listdir("/proc/self/fd")) <= before, "none of what came is left")


@pytest.mark.parametrize(
    ("answer", "refusal", "words"),
    [
        (b'{"refused": "not_listening"}', Conflict, "Nothing in the job listens on port 8888"),
        (b'{"refused": "too_many_children"}', Unavailable, "Too many connections"),
        (b'{"refused": "something"}', Conflict, "job"),
        (b"[]", Unavailable, "not its supervisor"),
    ],
)
async def test_what_is_refused_is_said(door: Door, answer: bytes, refusal: type[Exception], words: str) -> None:
    door.answer = answer
    with pytest.raises(refusal, match=words):
        await Ports(Entrance(door)).dial("a", PORT)
