"""Removes the groups of runs that are over, as soon as their supervisors, which said so, are gone themselves."""

import asyncio

import structlog

from services.executor.backends.process.usage.groups import Groups

log = structlog.get_logger()

_PAUSES_S = (0.05, 0.2, 1.0, 5.0)
"""What is left after these is left to the next start."""
_LAST_S = 0.5


class Clearing:
    """One task for all, which ends with its work."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self._due: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def add(self, run_id: str) -> None:
        self._due.add(run_id)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._clear())
            self._task.add_done_callback(_log_failure)

    async def close(self) -> None:
        """Give what has just ended the moment that it needs."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=_LAST_S)
            self._task.cancel()

    async def _clear(self) -> None:
        left: set[str] = set()
        tried = 0
        while tried < len(_PAUSES_S) and (left or self._due):
            await asyncio.sleep(_PAUSES_S[tried])
            tried = 0 if self._due else tried + 1
            left |= self._due
            self._due = set()
            left = await asyncio.to_thread(self._groups.remove, left)


def _log_failure(task: asyncio.Task[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        log.error("clearing_failed", exc_info=error)
