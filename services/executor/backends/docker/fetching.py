"""Brings images to this node: from its registry once for all runs of a virtual cluster that wait for the same one.

A pull holds one of the connections to the engine for as long as the registry takes, which is whoever a job names. What
else the engine is asked, of runs that have nothing to do with it, needs connections too, and so do other people's
pulls: there are so many places, each virtual cluster has some of them at most, and a pull that gets nowhere ends.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

import structlog

from services.executor.backends.docker.containers import Image
from services.executor.backends.docker.engine import Engine, Unpullable
from services.executor.backends.protocol import RunOrder
from services.executor.domain.pulling import Progress
from shared.contracts.commands.secrets import RegistryLogin

log = structlog.get_logger()

AT_ONCE = 48
"""Pulls: about half of the connections that the engine's client has."""
AT_ONCE_PER_VC = 8
STALL_S = 600.0

Key = tuple[str, str, RegistryLogin | None]
"""In whose places an image is pulled, and as whom: who is let in by other credentials is not given what these have
opened.
"""


@dataclass
class _Pull:
    """One for all who wait for it; it ends with the last of them."""

    task: asyncio.Task[Image]
    progress: Progress
    waiting: int = 0


class Fetching:
    """For the runs of one backend. `stall_s`: for how long nothing of an image may arrive."""

    def __init__(self, engine: Engine, stall_s: float = STALL_S) -> None:
        self._engine = engine
        self._stall_s = stall_s
        self._room = asyncio.Semaphore(AT_ONCE)
        self._of_vcs: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._pulls: dict[Key, _Pull] = {}
        self.under_way: dict[str, Progress] = {}
        """Of runs whose image is being pulled, or waits for that: nothing of them is there yet."""

    async def image(self, name: str, order: RunOrder) -> Image:
        """May take long, and keeps nobody else from starting. Raises Declined, EngineAway."""
        there = await self._engine.image(name)
        if there is not None:
            return there
        key = order.vc, name, order.login
        pull = self._joined(key, order.run_id)
        self.under_way[order.run_id] = pull.progress
        pull.waiting += 1
        try:
            return await asyncio.shield(pull.task)
        finally:
            del self.under_way[order.run_id]
            pull.waiting -= 1
            if not pull.waiting:
                pull.task.cancel()
                self._let_go(key, pull)

    def _joined(self, key: Key, run_id: str) -> _Pull:
        if key not in self._pulls:
            vc, name, login = key
            log.info("image_pulled", run_id=run_id, image=name)
            progress = Progress(name, time.time_ns())
            task = asyncio.create_task(self._pulled(vc, name, login, progress), name=name)
            pull = self._pulls[key] = _Pull(task, progress)
            task.add_done_callback(lambda _: self._let_go(key, pull))
        return self._pulls[key]

    async def _pulled(self, vc: str, name: str, login: RegistryLogin | None, progress: Progress) -> Image:
        own = self._of_vcs.setdefault(vc, asyncio.Semaphore(AT_ONCE_PER_VC))
        async with own, self._room:
            await self._pull(name, login, progress)
        image = await self._engine.image(name)
        if image is None:
            raise Unpullable(404, "it was pulled, and has been removed since")
        return image

    async def _pull(self, name: str, login: RegistryLogin | None, progress: Progress) -> None:
        """Raises Unpullable also when the registry, or the way to it, gives nothing any more."""
        now = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout(self._stall_s) as stalled:

                def take(line: Mapping[str, Any]) -> None:
                    if progress.take(line):
                        stalled.reschedule(now() + self._stall_s)

                await self._engine.pull(name, login, take)
        except TimeoutError:
            raise Unpullable(0, f"nothing of it has arrived for {self._stall_s:g} s") from None

    def _let_go(self, key: Key, pull: _Pull) -> None:
        if self._pulls.get(key) is pull:
            del self._pulls[key]
