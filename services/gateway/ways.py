"""Ways into a job, as one caller may use them: what the routes ask of the endpoints service."""

from services.gateway.audited import Author
from services.gateway.domain.access import Caller, Right
from services.gateway.resources.changes import NewEndpoint
from services.gateway.yard import Yard
from shared.bus.bus import Bus
from shared.contracts.commands.endpoints import ADD_ENDPOINT, ISSUE_TICKET, LIST_ENDPOINTS, REMOVE_ENDPOINT
from shared.contracts.endpoints import (
    AddEndpoint,
    Endpoint,
    Endpoints,
    IssueTicket,
    ListEndpoints,
    RemoveEndpoint,
    Ticket,
)


class Ways:
    """Its methods raise Refusals: NotFound and Forbidden for the person, Conflict for a job that is over."""

    def __init__(self, bus: Bus, yard: Yard, timeout_s: float) -> None:
        self._bus = bus
        self._yard = yard
        self._timeout_s = timeout_s

    async def list(self, caller: Caller, job_id: str) -> Endpoints:
        """The endpoints of a job, by name."""
        await self._yard.stored(caller, job_id, Right.USE_ENDPOINTS)
        return await self._bus.ask(LIST_ENDPOINTS, ListEndpoints(job_id=job_id), self._timeout_s)

    async def add(self, caller: Caller, job_id: str, new: NewEndpoint, author: Author) -> Endpoint:
        """One that is asked for, or as it is if it is there already."""
        await self._yard.stored(caller, job_id, Right.USE_ENDPOINTS)
        ask = AddEndpoint(
            job_id=job_id,
            name=new.full_name,
            rank=new.rank,
            requested_by=caller.name,
            actor=author.actor,
            correlation_id=author.request_id,
        )
        return await self._bus.ask(ADD_ENDPOINT, ask, self._timeout_s)

    async def remove(self, caller: Caller, job_id: str, name: str, author: Author) -> Endpoint:
        """It is closed, and whoever is connected is cut."""
        await self._yard.stored(caller, job_id, Right.USE_ENDPOINTS)
        ask = RemoveEndpoint(
            job_id=job_id,
            name=name,
            requested_by=caller.name,
            actor=author.actor,
            correlation_id=author.request_id,
        )
        return await self._bus.ask(REMOVE_ENDPOINT, ask, self._timeout_s)

    async def ticket(self, caller: Caller, job_id: str, name: str, credential: str, author: Author) -> Ticket:
        """A way in for one browser. `credential`: of whoever asks; the endpoint closes for the browser with it."""
        await self._yard.stored(caller, job_id, Right.USE_ENDPOINTS)
        ask = IssueTicket(
            job_id=job_id,
            name=name,
            credential=credential,
            actor=author.actor,
            correlation_id=author.request_id,
        )
        return await self._bus.ask(ISSUE_TICKET, ask, self._timeout_s)
