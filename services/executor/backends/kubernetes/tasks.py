"""Work that goes on beside whoever asked for it, held until it is done: none is lost, and none fails unheard."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import structlog

log = structlog.get_logger()

Work = Coroutine[Any, Any, None]


class Tasks:
    """Of one backend, until that closes."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._named: dict[str, asyncio.Task[None]] = {}

    def spawn(self, work: Work) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def once(self, name: str, work: Callable[[], Work]) -> "asyncio.Task[None]":
        """Unless work of that name is under way: what is asked for again and again must not pile up."""
        if name not in self._named:
            self._named[name] = self.spawn(work())
            self._named[name].add_done_callback(lambda task: self._named.pop(name))
        return self._named[name]

    def under_way(self) -> Iterable["asyncio.Task[None]"]:
        return tuple(self._tasks)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("cluster_task_failed", exc_info=error)
