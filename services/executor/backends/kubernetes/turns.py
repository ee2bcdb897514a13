"""Whose turn it is: one launch or stop of a run at a time, and of all runs so many as the API server bears.

So a launch and a stop of the same run never pass each other unseen: each finds what the other one has written down.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

AT_ONCE = 32
"""Calls that may be under way to the API server for launches and stops."""


class Turns:
    """Of the runs of one cluster."""

    def __init__(self) -> None:
        self._calls = asyncio.Semaphore(AT_ONCE)
        self._locks: dict[str, asyncio.Lock] = {}

    def lock(self, run_id: str) -> asyncio.Lock:
        """Of what needs no room for calls."""
        return self._locks.setdefault(run_id, asyncio.Lock())

    @asynccontextmanager
    async def of(self, run_id: str) -> AsyncIterator[None]:
        """Alone with the run, and with room for calls."""
        async with self.lock(run_id), self._calls:
            yield

    def forget(self, run_id: str) -> None:
        self._locks.pop(run_id, None)
