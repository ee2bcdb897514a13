"""Ends runs: what has begun is told, what has not never will, and whoever is deaf is killed after the grace period."""

import asyncio
from collections.abc import Iterable

import structlog

from services.executor.backends.docker.engine import Engine
from services.executor.backends.docker.files import RunFiles
from services.executor.backends.docker.judging import runs
from services.executor.backends.docker.names import grace_of, is_of, name_of
from services.executor.backends.docker.observing import Observing

log = structlog.get_logger()

PATIENCE_S = 10.0
"""After a grace period, for a supervisor that sweeps."""


class Ending:
    """Of the runs of one backend that nobody is launching."""

    def __init__(self, engine: Engine, files: RunFiles, home_id: str, observing: Observing) -> None:
        self._engine = engine
        self._files = files
        self._home_id = home_id
        self._observing = observing
        self._enforcing: dict[str, asyncio.Task[None]] = {}

    async def stop(self, run_id: str) -> None:
        """Returns without waiting for the end. Raises OSError."""
        marks = await asyncio.to_thread(self._files.read, run_id)
        if self._observing.is_over(run_id) or marks.refused is not None:
            return
        if marks.begun or marks.start is not None:
            if await self._engine.signal(name_of(self._home_id, run_id), "SIGTERM"):
                self._enforce(run_id)
        else:
            if marks.made:
                await self._engine.remove(name_of(self._home_id, run_id))
            await asyncio.to_thread(self._files.bury, run_id)
            await self._observing.look(run_id)

    async def clear(self, run_id: str) -> bool:
        """Whether this backend has no container of it; one that runs is told, and killed after its grace period.

        Whatever its files say: they may have been lost. Raises OSError.
        """
        name = name_of(self._home_id, run_id)
        container = await self._engine.inspect(name)
        if container is None or not is_of(container, self._home_id):
            return True
        if not runs(container):
            await self._engine.remove(name)
            return True
        if run_id not in self._enforcing and await self._engine.signal(name, "SIGTERM"):
            self._enforce(run_id)
        return False

    def under_way(self) -> Iterable["asyncio.Task[None]"]:
        return tuple(self._enforcing.values())

    def _enforce(self, run_id: str) -> None:
        """The supervisor sees to the grace period; this is for one that its run has made deaf."""
        if run_id not in self._enforcing:
            task = asyncio.create_task(self._kill_later(run_id), name=run_id)
            self._enforcing[run_id] = task
            task.add_done_callback(lambda task: self._enforcing.pop(task.get_name(), None))

    async def _kill_later(self, run_id: str) -> None:
        name = name_of(self._home_id, run_id)
        try:
            container = await self._engine.inspect(name)
            if container is not None:
                await asyncio.sleep(grace_of(container) + PATIENCE_S)
                await self._engine.signal(name, "SIGKILL")
        except OSError as error:  # whoever wants it stopped asks again
            log.warning("stop_not_enforced", run_id=run_id, reason=str(error))
