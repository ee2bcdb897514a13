"""Who watches a program in a pod leaves a stream that is not the script's, however fast and long that goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import aiohttp
import pytest

from services.executor.backends.kubernetes.api import Api
from services.executor.backends.kubernetes.channels import STDERR, STDOUT
from services.executor.backends.kubernetes.programs import Process
from services.executor.backends.kubernetes.watched import Watched
from tests.support.waiting import LONG_S

POD = {"metadata": {"namespace": "lab", "name": "job"}}


class Container:
    """Writes the same again and again and never comes to an end; it lives until it has been left."""

    def __init__(self, channel: int, data: bytes) -> None:
        self._message = aiohttp.WSMessage(aiohttp.WSMsgType.BINARY, bytes((channel,)) + data, None)
        self.left = False
        self.taken = 0
        self.kept: list[bytes] = []

    @asynccontextmanager
    async def websocket(self, path: str, query: list[tuple[str, str]], protocol: str) -> AsyncIterator["Container"]:
        try:
            yield self
        finally:
            self.left = True

    async def __aiter__(self) -> AsyncIterator[aiohttp.WSMessage]:
        while True:
            self.taken += 1
            yield self._message

    async def lives(self) -> bool:
        return not self.left

    async def keep(self, data: bytes) -> None:
        self.kept.append(data)


@pytest.mark.parametrize(("channel", "most"), [(STDOUT, 1), (STDERR, 3)])
async def test_who_speaks_in_the_place_of_the_script_is_left(channel: int, most: int) -> None:
    container = Container(channel, b"yes\n" * 8192)
    watched = Watched(cast(Api, container), POD, "jupyter", Process(7, 7), (), container.lives, container.keep)
    await asyncio.wait_for(watched.watch(), LONG_S)
    assert container.left
    assert container.taken <= most
    assert container.kept == []
