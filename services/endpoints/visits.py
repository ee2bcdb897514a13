"""Who went into which job: noted when somebody comes in, and stored with the endpoint a moment later.

It becomes an event with the endpoint's next version, and so an entry of the audit. A note that cannot be stored now is
kept and tried again; what a killed replica had not stored yet is lost.
"""

import asyncio
from collections.abc import Container
from contextlib import suppress
from dataclasses import dataclass

import structlog

from services.endpoints.apply import Applier
from services.endpoints.domain.document import endpoint_id
from services.endpoints.domain.machine import Entered, TicketIssued
from services.endpoints.domain.visits import AGAIN, address_of
from services.endpoints.guard import Pass
from shared.contracts.endpoints import IssueTicket
from shared.contracts.errors import NotFound, TemporaryError
from shared.contracts.job import Actor

log = structlog.get_logger()

RETRY_S = 1.0
REMEMBERED = 10_000


@dataclass(frozen=True)
class _Visit:
    """What is told once in a while."""

    endpoint_id: str
    signal: Entered | TicketIssued
    actor: Actor
    cause: str | None = None


class Visits:
    """`proxies`: addresses whose word for where a visit comes from is believed."""

    def __init__(self, applier: Applier, proxies: Container[str]) -> None:
        self._applier = applier
        self._proxies = proxies
        self._noted: dict[_Visit, float] = {}
        self._unstored: list[_Visit] = []
        self._news = asyncio.Event()

    def came(self, passed: Pass, chain: str) -> None:
        """Somebody came in, from the end of this chain of addresses. Called for every request of a page."""
        actor = Actor(kind="user", name=passed.user, address=address_of(chain, self._proxies), token=passed.token)
        self._note(_Visit(passed.endpoint.id, Entered(key=passed.key), actor))

    def ticket_issued(self, ask: IssueTicket) -> None:
        """A browser was given a way in."""
        if ask.actor is not None:
            self._note(_Visit(endpoint_id(ask.job_id, ask.name), TicketIssued(), ask.actor, ask.correlation_id))

    async def run(self) -> None:
        """Store what is noted, until cancelled."""
        while True:
            await self._news.wait()
            if not await self.write():
                await asyncio.sleep(RETRY_S)

    async def write(self) -> bool:
        """Store what is noted; False: not all of it could be."""
        self._news.clear()
        while self._unstored:
            visit = self._unstored[0]
            try:
                with suppress(NotFound):
                    await self._applier.change(visit.endpoint_id, (visit.signal,), visit.actor, visit.cause)
            except TemporaryError as error:
                log.warning("visit_unstored", endpoint_id=visit.endpoint_id, error=repr(error))
                self._news.set()
                return False
            self._unstored.remove(visit)
        return True

    def _note(self, visit: _Visit) -> None:
        """Unless it was noted a short while ago; the endpoint itself knows what other replicas have stored."""
        now = self._applier.clock.monotonic()
        same = _Visit(visit.endpoint_id, visit.signal, visit.actor)
        if now - self._noted.get(same, -AGAIN.total_seconds()) < AGAIN.total_seconds():
            return
        if len(self._noted) >= REMEMBERED:
            self._noted.clear()
        self._noted[same] = now
        self._unstored.append(visit)
        self._news.set()
