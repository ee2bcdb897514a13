"""The work of a backend that goes on for as long as it is open: when some of it ends, the process has to begin anew.

Without it nobody would hear what becomes of the runs, and nothing else would say so.
"""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any


class WorkEnded(Exception):
    """Work of a backend has ended that was to go on; its cause is why, if it has one."""


class Standing:
    """Of one backend."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(work))

    async def stand(self) -> None:
        """Until cancelled. Raises WorkEnded."""
        await self.until(asyncio.Event())

    async def until(self, event: asyncio.Event) -> None:
        """Wait for what the work is to bring about. Raises WorkEnded when it never will."""
        if event.is_set():
            return
        waiting = asyncio.get_running_loop().create_task(event.wait())
        try:
            await asyncio.wait((waiting, *self._tasks), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        for task in self._tasks:
            if task.done():
                error = None if task.cancelled() else task.exception()
                raise WorkEnded(f"{task.get_coro()} has ended") from error

    def under_way(self) -> Iterable["asyncio.Task[None]"]:
        return tuple(self._tasks)
