"""Work that goes on beside whoever asked for it, held until it is done: none is lost, and none fails unheard."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

import structlog

log = structlog.get_logger()


class Tasks:
    """Of one backend, until that closes."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.hold(asyncio.get_running_loop().create_task(work))

    def hold(self, task: "asyncio.Task[None]") -> None:
        """One that its maker may give up."""
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def under_way(self) -> Iterable["asyncio.Task[None]"]:
        return tuple(self._tasks)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("cluster_task_failed", exc_info=error)
