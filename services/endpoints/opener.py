"""Opens what is starting and stops what was closed, in the background, once at a time for each endpoint.

All that it does may be done again, and by several replicas at once: a program's name and port follow from the secret
in the endpoint's document, so that a second start finds the first one's program.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from services.endpoints.apply import Applier
from services.endpoints.domain.document import AFTERWARDS, EndpointDocument
from services.endpoints.domain.machine import Broken, Opened, Signal, Stopped
from services.endpoints.programs.program import PROGRAMS
from services.endpoints.programs.starting import Broke, Programs
from shared.contracts.endpoints import EndpointStatus
from shared.contracts.errors import Conflict, Refusal, TemporaryError

log = structlog.get_logger()


Action = Callable[[EndpointDocument], Awaitable[None]]


@dataclass(frozen=True)
class _Work:
    """What is under way for an endpoint: for which status of it, and with which secret."""

    aim: tuple[EndpointStatus, str | None]
    task: asyncio.Task[None]


class Opener:
    """Does what the statuses of endpoints ask for."""

    def __init__(self, applier: Applier, programs: Programs) -> None:
        self._applier = applier
        self._programs = programs
        self._works: dict[str, _Work] = {}

    def attend(self, endpoint: EndpointDocument) -> None:
        """Do what this endpoint needs; returns at once. What fails for a time is attended to again by the repair."""
        if endpoint.status is EndpointStatus.STARTING:
            self._begin(endpoint, self._open)
        elif endpoint.status is EndpointStatus.CLOSED and endpoint.run is not None:
            self._begin(endpoint, self._stop)

    def inspect(self, endpoint: EndpointDocument) -> None:
        """The same, and see whether the program of one that is ready still lives."""
        self.attend(endpoint)
        started = endpoint.kind in PROGRAMS and endpoint.run != AFTERWARDS
        if endpoint.status is EndpointStatus.READY and started:
            self._begin(endpoint, self._check)

    async def drain(self) -> None:
        """Leave what is under way to whoever comes next."""
        tasks = [work.task for work in self._works.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, endpoint: EndpointDocument, action: Action) -> None:
        """Unless it is under way. What it makes pointless is given up, but a program that is being stopped is."""
        aim = (endpoint.status, endpoint.secret)
        before = self._works.get(endpoint.id)
        if before is not None and before.aim == aim:
            return
        if before is not None and before.aim[0] is not EndpointStatus.CLOSED:
            before.task.cancel()
        task = asyncio.get_running_loop().create_task(self._carry_out(endpoint, action, before))
        self._works[endpoint.id] = work = _Work(aim, task)
        task.add_done_callback(lambda _: self._forget(endpoint.id, work))

    def _forget(self, id: str, work: _Work) -> None:
        if self._works.get(id) is work:
            del self._works[id]

    async def _carry_out(self, endpoint: EndpointDocument, action: Action, before: _Work | None) -> None:
        if before is not None:
            await asyncio.wait((before.task,))
        try:
            await action(endpoint)
        except (TemporaryError, Refusal) as error:
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
