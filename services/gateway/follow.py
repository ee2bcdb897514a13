"""A stream followed for one HTTP reader: in order, and no faster than the reader takes it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.errors import Error as NatsApiError

from shared.bus.bus import Bus
from shared.bus.follow import Follower
from shared.ending import ended


class Reading:
    """The next messages, or a pause after which somebody wants to look elsewhere."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._next: asyncio.Task[list[Msg]] | None = None

    async def next(self, interrupt: asyncio.Event, timeout_s: float) -> list[Msg]:
        """What has come; nothing after an interruption or `timeout_s` seconds. Raises StreamReplaced."""
        self._next = self._next or asyncio.create_task(self._follower.next())
        interrupted = asyncio.create_task(interrupt.wait())
        try:
            await asyncio.wait({self._next, interrupted}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            interrupted.cancel()
        if not self._next.done():
            return []
        done, self._next = self._next, None
        return done.result()

    @property
    def created(self) -> Any:
        """Which stream it is, of those that had its name."""
        return self._follower.created

    async def behind(self) -> bool:
        """Whether the stream may hold messages that have not come yet; if not, all that it held when asked has."""
        try:
            waiting = await self._follower.behind()
        except (NatsError, NatsApiError, TimeoutError):
            return True
        return waiting > 0 or (self._next is not None and self._next.done())

    async def stop(self) -> None:
        if self._next is not None:
            await ended(self._next)


@asynccontextmanager
async def followed(
    bus: Bus, stream: str, subjects: tuple[str, ...], start: int | None, batch: int
) -> AsyncGenerator[Reading, None]:
    """Follow from sequence `start` on; without it, what is new from now. Raises StreamReplaced.

    `batch`: messages under way at one time; a slow reader holds no more than twice as many in memory.
    """
    follower = Follower(bus, stream, subjects, start, new_only=start is None, batch=batch)
    reading = Reading(follower)
    try:
        await follower.open()
        yield reading
    finally:
        await reading.stop()
        with suppress(NatsError, NatsApiError, TimeoutError):
            await follower.close()
