"""Opens what is starting and stops what was closed, in the background, once at a time for each endpoint.

All that it does may be done again, and by several replicas at once: a program's name and port follow from the secret
in the endpoint's document, so that a second start finds the first one's program.
"""

import asyncio
from collections.abc import Coroutine

import structlog

from services.endpoints.apply import Applier
from services.endpoints.domain.document import AFTERWARDS, EndpointDocument
from services.endpoints.domain.machine import Broken, Opened, Signal, Stopped
from services.endpoints.programs.program import PROGRAMS
from services.endpoints.programs.starting import Broke, Programs
from shared.contracts.endpoints import EndpointStatus
from shared.contracts.errors import Conflict, TemporaryError

log = structlog.get_logger()


class Opener:
    """Does what the statuses of endpoints ask for."""

    def __init__(self, applier: Applier, programs: Programs) -> None:
        self._applier = applier
        self._programs = programs
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def attend(self, endpoint: EndpointDocument) -> None:
        """Do what this endpoint needs; returns at once. What fails for a time is attended to again by the repair."""
        if endpoint.id in self._tasks:
            return
        if endpoint.status is EndpointStatus.STARTING:
            self._begin(endpoint, self._open(endpoint))
        elif endpoint.status is EndpointStatus.CLOSED and endpoint.run is not None:
            self._begin(endpoint, self._stop(endpoint))

    def inspect(self, endpoint: EndpointDocument) -> None:
        """The same, and see whether the program of one that is ready still lives."""
        self.attend(endpoint)
        started = endpoint.kind in PROGRAMS and endpoint.run != AFTERWARDS
        if endpoint.status is EndpointStatus.READY and started and endpoint.id not in self._tasks:
            self._begin(endpoint, self._check(endpoint))

    async def drain(self) -> None:
        """Leave what is under way to whoever comes next."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, endpoint: EndpointDocument, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(self._carry_out(endpoint, work))
        self._tasks[endpoint.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(endpoint.id))

    async def _carry_out(self, endpoint: EndpointDocument, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except (TemporaryError, Conflict) as error:
            log.warning("endpoint_delayed", job_id=endpoint.job_id, endpoint=endpoint.name, error=repr(error))

    async def _open(self, endpoint: EndpointDocument) -> None:
        assert endpoint.run is not None
        signal: Signal = Opened(endpoint.run, endpoint.port)
        if endpoint.kind in PROGRAMS:
            try:
                signal = Opened(endpoint.run, await self._programs.open(endpoint))
            except Broke as broke:
                signal = Broken(endpoint.run, broke.reason)
        after = await self._applier.change(endpoint.id, (signal,))
        if after.status is not EndpointStatus.READY and after.secret != endpoint.secret:
            await self._programs.stop(endpoint)

    async def _check(self, endpoint: EndpointDocument) -> None:
        assert endpoint.run is not None
        try:
            await self._programs.check(endpoint)
        except Broke as broke:
            await self._applier.change(endpoint.id, (Broken(endpoint.run, broke.reason),))

    async def _stop(self, endpoint: EndpointDocument) -> None:
        assert endpoint.run is not None
        if endpoint.kind in PROGRAMS and endpoint.run != AFTERWARDS:
            try:
                await self._programs.stop(endpoint)
            except Conflict as refused:
                log.info("endpoint_gone", job_id=endpoint.job_id, endpoint=endpoint.name, why=refused.message)
        await self._applier.change(endpoint.id, (Stopped(endpoint.run),))
