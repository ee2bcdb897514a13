"""What waits for one reader of the feed, in a bounded room.

A reader gets what happens in order and each event once. One who is too slow for that gets `reset` in place of all that
waited, and looks anew at what it shows: a browser that sleeps costs no memory.
"""

import asyncio
from collections import deque

from services.gateway.domain.access import Caller
from services.gateway.happening import Happening
from services.gateway.sse import ServerEvent

HELD_BYTES = 1 << 20
"""Of events that wait for one reader; readers who see the same of an event hold it together."""

RESET = ServerEvent(b"{}", "reset")
"""Events were left out here. It has no id: who needs each of them asks again after the last one that came."""

QUEUE = ServerEvent(b"{}", "queue")
"""Positions and reasons of queued jobs may be others now."""

NODES = ServerEvent(b"{}", "nodes")
"""A node has fallen silent or come back, and so have the jobs on it."""


class Inbox:
    """One reader's: of the caller's virtual clusters, or of all for an administrator; of one job, or of all."""

    def __init__(self, caller: Caller, job_id: str | None = None, held_bytes: int = HELD_BYTES) -> None:
        self.caller = caller
        self.job_id = job_id
        self._held_bytes = held_bytes
        self._waiting: deque[ServerEvent] = deque()
        self._bytes = 0
        self._reset = False
        self._ticks: list[ServerEvent] = []
        self._some = asyncio.Event()

    def put(self, happening: Happening) -> None:
        """Take it, if it is for this reader."""
        if self.job_id not in (None, happening.job_id):
            return
        if not (self.caller.admin or happening.vc in self.caller.vcs):
            return
        event = happening.seen_by(self.caller)
        if event is None:
            return
        self._bytes += len(event.encoded)
        self._waiting.append(event)
        if self._bytes > self._held_bytes:
            self.clear()
            self._reset = True
        self._some.set()

    def tick(self, event: ServerEvent) -> None:
        """Tell the reader this: once, however often it happened since the reader last looked."""
        if event not in self._ticks:
            self._ticks.append(event)
        self._some.set()

    def clear(self) -> None:
        """Forget what waits."""
        self._waiting.clear()
        self._bytes = 0
        self._ticks.clear()
        self._reset = False

    async def next(self) -> ServerEvent:
        """The next event, as soon as there is one."""
        while True:
            if self._reset:
                self._reset = False
                return RESET
            if self._waiting:
                event = self._waiting.popleft()
                self._bytes -= len(event.encoded)
                return event
            if self._ticks:
                return self._ticks.pop(0)
            self._some.clear()
            await self._some.wait()
