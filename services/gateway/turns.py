"""Turns with somebody else's program: a few requests at one time, fewer of one user, so that others have theirs."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.contracts.errors import TooMany

WAITING_PER_USER = 100


class Turns:
    """`at_once` under way, `per_user` of one user; those beyond wait, at most WAITING_PER_USER with those under way."""

    def __init__(self, at_once: int, per_user: int, busy: str) -> None:
        """`busy`: what is said to whoever has too many that wait."""
        self._busy = busy
        self._all = asyncio.Semaphore(at_once)
        self._of: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(per_user))
        self._waiting: dict[str, int] = {}

    @asynccontextmanager
    async def taken(self, user: str) -> AsyncIterator[None]:
        """One of this user's. Raises TooMany."""
        if self._waiting.get(user, 0) >= WAITING_PER_USER:
            raise TooMany(self._busy)
        self._waiting[user] = self._waiting.get(user, 0) + 1
        try:
            async with self._of[user], self._all:
                yield
        finally:
            self._waiting[user] -= 1
            if not self._waiting[user]:
                del self._waiting[user], self._of[user]
