"""What is in a pod may write without end, or nothing and not end: neither takes more than is given it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import aiohttp
import pytest

from services.executor.backends.kubernetes import commands
from services.executor.backends.kubernetes.api import Api
from services.executor.backends.kubernetes.channels import ERROR, STDERR, STDIN, STDOUT
from services.executor.backends.kubernetes.commands import SAID_BYTES

POD = {"metadata": {"namespace": "lab", "name": "job"}}
SUCCESS = (ERROR, b'{"status": "Success"}')


class Container:
    """Writes these messages, and then nothing more, without an end."""

    def __init__(self, *messages: tuple[int, bytes]) -> None:
        self._messages = messages
        self.query: list[tuple[str, str]] = []
        self.told: list[bytes] = []
        self.taken = 0

    @asynccontextmanager
    async def websocket(self, path: str, query: list[tuple[str, str]], protocol: str) -> AsyncIterator["Container"]:
        self.query = query
        yield self

    async def send_bytes(self, data: bytes) -> None:
        self.told.append(data)

    async def __aiter__(self) -> AsyncIterator[aiohttp.WSMessage]:
        for channel, data in self._messages:
            self.taken += 1
            yield aiohttp.WSMessage(aiohttp.WSMsgType.BINARY, bytes((channel,)) + data, None)
        await asyncio.Event().wait()


async def said(container: Container, **more: Any) -> bytes:
    return await commands.said(cast(Api, container), POD, ["true"], **more)


async def test_what_a_command_writes_is_told_with_its_end_and_no_command_line_has_what_it_is_told() -> None:
    container = Container((STDOUT, b"a"), (STDERR, b"oh"), (STDOUT, b"b"), SUCCESS)
    told = b"x" * 100_000
    assert await said(container, told=told) == b"ab"
    assert b"".join(piece.removeprefix(bytes((STDIN,))) for piece in container.told) == told
    assert ("stdin", "true") in container.query


@pytest.mark.parametrize("channel", [STDOUT, STDERR, 7])
async def test_who_writes_without_end_is_left_whatever_he_writes_to(channel: int) -> None:
    container = Container(*[(channel, b"x" * (SAID_BYTES // 4))] * 100)
    assert len(await said(container)) == (SAID_BYTES if channel == STDOUT else 0)
    assert container.taken == 5


async def test_who_does_not_end_is_left_too() -> None:
    with pytest.raises(ConnectionError, match="in time"):
        await said(Container((STDOUT, b"a")), within_s=0.01)
