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

    def spawn(self, work: Work) -> None:
        self.hold(asyncio.get_running_loop().create_task(work))

    def once(self, name: str, work: Callable[[], Work]) -> None:
        """Unless work of that name is under way: what is asked for again and again must not pile up."""
        if name not in self._named:
            task = asyncio.get_running_loop().create_task(work(), name=name)
            self._named[name] = task
            task.add_done_callback(lambda task: self._named.pop(name))
            self.hold(task)

    async def settle(self, names: Iterable[str], within_s: float) -> None:
        """Wait for the work of these names, but not for longer."""
        waited = [self._named[name] for name in names if name in self._named]
        if waited:
            await asyncio.wait(waited, timeout=within_s)

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
