"""Opens what is starting and stops what was closed, in the background, once at a time for each endpoint.

All that it does may be done again, and by several replicas at once: a program's name and port follow from the secret
in the endpoint's document, so that a second start finds the first one's program.
"""

import asyncio
from collections.abc import Coroutine

import structlog

from services.endpoints.apply import Applier
from services.endpoints.domain.document import EndpointDocument
from services.endpoints.domain.machine import Opened, Stopped
from shared.contracts.endpoints import EndpointKind, EndpointStatus
from shared.contracts.errors import TemporaryError

log = structlog.get_logger()

PLAIN = (EndpointKind.SSH, EndpointKind.PORT)
"""Nothing is started for these: they can be used as long as there is a run."""


class Opener:
    """Does what the statuses of endpoints ask for."""

    def __init__(self, applier: Applier) -> None:
        self._applier = applier
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def attend(self, endpoint: EndpointDocument) -> None:
        """Do what this endpoint needs; returns at once. What fails for a time is attended to again by the repair."""
        if endpoint.id in self._tasks:
            return
        if endpoint.status is EndpointStatus.STARTING:
            self._begin(endpoint, self._open(endpoint))
        elif endpoint.status is EndpointStatus.CLOSED and endpoint.run is not None:
            self._begin(endpoint, self._stop(endpoint))

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
        except TemporaryError as error:
            log.warning("endpoint_delayed", job_id=endpoint.job_id, endpoint=endpoint.name, error=repr(error))

    async def _open(self, endpoint: EndpointDocument) -> None:
        assert endpoint.run is not None
        if endpoint.kind in PLAIN:
            await self._applier.change(endpoint.id, (Opened(endpoint.run, endpoint.port),))

    async def _stop(self, endpoint: EndpointDocument) -> None:
        assert endpoint.run is not None
        await self._applier.change(endpoint.id, (Stopped(endpoint.run),))
