"""Looks at runs, each of which may be asked for at any moment by a watch, a sweep or the executor.

A run is looked at by one look at a time, and once more for what changed meanwhile: no change goes unseen, and no two
looks take the same run further at once. When they are closed none is under way, and none begins any more, whoever asks.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import structlog

from services.executor.backends.kubernetes.refusals import ClusterAway

log = structlog.get_logger()


class Looks:
    """`look` is one look at a run; it may raise ClusterAway, and is asked for again then by whoever sweeps."""

    def __init__(self, look: Callable[[str], Awaitable[None]]) -> None:
        self._look = look
        self._looks: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._closed = False

    async def close(self) -> None:
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        tasks = self.under_way()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def at(self, run_id: str) -> None:
        if self._closed:
            return
        self._again.add(run_id)
        if run_id not in self._looks:
            task = asyncio.get_running_loop().create_task(self._until_seen(run_id), name=run_id)
            self._looks[run_id] = task
            task.add_done_callback(lambda task: self._looked(run_id, task))

    def later(self, run_id: str, after_s: float) -> None:
        """Once, however often that is asked for meanwhile."""
        if run_id not in self._timers and not self._closed:
            self._timers[run_id] = asyncio.get_running_loop().call_later(after_s, self._due, run_id)

    def under_way(self) -> Iterable["asyncio.Task[None]"]:
        return tuple(self._looks.values())

    def _due(self, run_id: str) -> None:
        del self._timers[run_id]
        self.at(run_id)

    def _looked(self, run_id: str, task: "asyncio.Task[None]") -> None:
        """Whoever asked since its last look, or while one failed, has not been heard yet."""
        self._looks.pop(run_id, None)
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            log.error("look_failed", run_id=run_id, exc_info=error)
        if run_id in self._again:
            self.at(run_id)

    async def _until_seen(self, run_id: str) -> None:
        while run_id in self._again:
            self._again.discard(run_id)
            try:
                await self._look(run_id)
            except ClusterAway as error:
                log.info("look_again", run_id=run_id, error=str(error))
