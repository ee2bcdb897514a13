"""The networks in which the ranks of one run meet: each is there while one of them lives, or is being started.

An engine has addresses for some thirty of them. So none stays for a run that has ended: many short runs take them from
nobody.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import structlog

from services.executor.backends.docker.engine import Engine
from services.executor.backends.docker.names import HOME, network_of
from services.executor.backends.protocol import RunOrder

log = structlog.get_logger()


class Networks:
    """Of the runs of one backend. `closed`: in none of them anything outside is reached."""

    def __init__(self, engine: Engine, home_id: str, closed: bool) -> None:
        self._engine = engine
        self._home_id = home_id
        self._closed = closed
        self._there: set[str] = set()
        self._turns: dict[str, asyncio.Lock] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Find those of an earlier process. Raises EngineAway, Declined."""
        self._there.update(await self._engine.networks(f"{HOME}={self._home_id}"))

    @asynccontextmanager
    async def around(self, order: RunOrder) -> AsyncIterator[None]:
        """The network of the rank's run is there, and stays meanwhile. Raises Networkless, EngineAway."""
        if order.ranks == 1:
            yield
            return
        name = network_of(self._home_id, order.run_id)
        async with self._turn(name):
            self._there.add(name)  # an answer may be lost
            await self._engine.make_network(name, {HOME: self._home_id}, self._closed)
            yield

    def leave(self, run_id: str) -> None:
        """A rank is over: the network goes with the last one."""
        name = network_of(self._home_id, run_id)
        if name in self._there:
            task = asyncio.create_task(self._leave(name), name=name)
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def forget(self, run_id: str) -> None:
        """Raises EngineAway, Declined."""
        name = network_of(self._home_id, run_id)
        if name in self._there:
            await self._remove(name)
        if name not in self._there:
            self._turns.pop(name, None)

    def under_way(self) -> Iterable["asyncio.Task[None]"]:
        return tuple(self._leaving)

    async def _leave(self, name: str) -> None:
        try:
            await self._remove(name)
        except OSError as error:  # it goes when the run is forgotten
            log.warning("network_not_removed", network=name, reason=str(error))

    async def _remove(self, name: str) -> None:
        async with self._turn(name):
            if await self._engine.remove_network(name):
                self._there.discard(name)

    def _turn(self, name: str) -> asyncio.Lock:
        """Between the look for a network and a start in it, nobody else's end takes it away."""
        return self._turns.setdefault(name, asyncio.Lock())
