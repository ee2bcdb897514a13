"""What is done for a run beside all else: at most one task for each run at a time, and none that fails in silence."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

log = structlog.get_logger()

Work = Callable[[], Coroutine[Any, Any, None]]


class TaskPerRun:
    """Tasks by run id. It may be asked for one again and again."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def begin(self, run_id: str, work: Work) -> "asyncio.Task[None] | None":
        """Do the work; none if that is being done."""
        if run_id in self._tasks:
            return None
        task = asyncio.get_running_loop().create_task(work(), name=run_id)
        self._tasks[run_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(run_id, None))
        task.add_done_callback(logged)
        return task

    def cancel(self) -> list["asyncio.Task[None]"]:
        """End all of them; they are there to be waited for."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        return tasks


def logged(task: "asyncio.Task[None]") -> None:
    """What could not be done for a run is tried again by the reconcile loop."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("run_task_failed", task=task.get_name(), exc_info=error)
