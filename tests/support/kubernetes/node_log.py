"""A cluster that has one pod's log and nothing else, and gives it as a kubelet does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from services.executor.backends.kubernetes.api import Api

STAMP = "2026-11-28T16:00:00.%09dZ "
"""All of it was written in one second."""


class NodeLog(Api):
    """`asked`: for each answer, whether it was to go on with what the pod writes later; it then says nothing more."""

    def __init__(self) -> None:
        super().__init__(None)
        self.asked: list[bool] = []
        self._lines: list[bytes] = []
        self._written = 0

    def write(self, *lines: bytes) -> None:
        for line in lines:
            self._written += 1
            self._lines.append((STAMP % self._written).encode() + line + b"\n")

    def rotate(self) -> None:
        """What was written before is no longer to be had."""
        self._lines.clear()

    @asynccontextmanager
    async def lines(self, path: str, query: Any, silence_s: float = 1.0) -> AsyncIterator[aiohttp.StreamReader]:
        self.asked.append(query["follow"])
        reader = asyncio.StreamReader()
        reader.feed_data(b"".join(self._lines))
        if not query["follow"]:
            reader.feed_eof()
        yield reader  # type: ignore[misc]  # of the same use here
