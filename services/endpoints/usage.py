"""When endpoints were used last: noted in memory by whoever carries their traffic, and written down lazily."""

import asyncio
from contextlib import suppress
from datetime import datetime

import structlog

from services.endpoints.apply import Applier
from services.endpoints.domain.machine import Used
from shared.contracts.errors import NotFound, TemporaryError

log = structlog.get_logger()

WRITE_S = 10.0
"""What a replica that dies forgets at most; no limit to idleness is as short by far."""


class Usage:
    """What this replica has seen of the use of endpoints."""

    def __init__(self, applier: Applier) -> None:
        self._applier = applier
        self._seen: dict[str, tuple[datetime, str]] = {}

    def touch(self, endpoint_id: str, by: str) -> None:
        """This person uses it now."""
        self._seen[endpoint_id] = (self._applier.clock.now(), by)

    async def run(self) -> None:
        """Write down what is new, until cancelled."""
        while True:
            await asyncio.sleep(WRITE_S)
            await self.write()

    async def write(self) -> None:
        """Write down what is new."""
        seen, self._seen = self._seen, {}
        try:
            for id in list(seen):
                with suppress(NotFound):
                    await self._applier.change(id, (Used(*seen[id]),))
                del seen[id]
        except TemporaryError as error:
            log.warning("endpoint_use_unwritten", error=repr(error))
            self._seen = seen | self._seen
