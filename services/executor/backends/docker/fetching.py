"""Brings images to this node: from its registry once for all runs that wait for the same one, and so many at a time.

A pull holds one of the connections to the engine for as long as the registry takes, which is whoever a job names. What
else the engine is asked, of runs that have nothing to do with it, needs connections too.
"""

import asyncio
import time
from dataclasses import dataclass

import structlog

from services.executor.backends.docker.containers import Image
from services.executor.backends.docker.engine import Engine, Unpullable
from services.executor.backends.protocol import RunOrder
from services.executor.domain.pulling import Progress
from shared.contracts.commands.secrets import RegistryLogin

log = structlog.get_logger()

AT_ONCE = 48
"""Pulls: about half of the connections that the engine's client has."""


@dataclass
class _Pull:
    """One for all who wait for it; it ends with the last of them."""

    task: asyncio.Task[Image]
    progress: Progress
    waiting: int = 0


class Fetching:
    """For the runs of one backend."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._room = asyncio.Semaphore(AT_ONCE)
        self._pulls: dict[tuple[str, RegistryLogin | None], _Pull] = {}
        self.under_way: dict[str, Progress] = {}
        """Of runs whose image is being pulled, or waits for that: nothing of them is there yet."""

    async def image(self, name: str, order: RunOrder) -> Image:
        """May take long, and keeps nobody else from starting. Raises Declined, EngineAway."""
        there = await self._engine.image(name)
        if there is not None:
            return there
        pull = self._joined(name, order)
        self.under_way[order.run_id] = pull.progress
        pull.waiting += 1
        try:
            return await asyncio.shield(pull.task)
        finally:
            del self.under_way[order.run_id]
            pull.waiting -= 1
            if not pull.waiting:
                pull.task.cancel()
                self._let_go(name, order.login, pull)

    def _joined(self, name: str, order: RunOrder) -> _Pull:
        """Who is let in by other credentials is not given what these have opened."""
        key = name, order.login
        if key not in self._pulls:
            log.info("image_pulled", run_id=order.run_id, image=name)
            progress = Progress(name, time.time_ns())
            task = asyncio.create_task(self._pulled(name, order.login, progress), name=name)
            pull = self._pulls[key] = _Pull(task, progress)
            task.add_done_callback(lambda _: self._let_go(name, order.login, pull))
        return self._pulls[key]

    async def _pulled(self, name: str, login: RegistryLogin | None, progress: Progress) -> Image:
        async with self._room:
            await self._engine.pull(name, login, progress.take)
        image = await self._engine.image(name)
        if image is None:
            raise Unpullable(404, "it was pulled, and has been removed since")
        return image

    def _let_go(self, name: str, login: RegistryLogin | None, pull: _Pull) -> None:
        if self._pulls.get((name, login)) is pull:
            del self._pulls[name, login]
