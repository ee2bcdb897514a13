"""What the endpoints service answers and hears; the map at the end is the whole of it."""

from collections.abc import Sequence

from services.endpoints.desk import Desk
from services.endpoints.door.server import HttpDoor
from services.endpoints.follow import Follower
from services.endpoints.visits import Visits
from shared.bus.subscriptions import Answers, Delivery, Each, Shared, Subscription
from shared.contracts import subjects
from shared.contracts.commands.changes import KILL
from shared.contracts.commands.endpoints import (
    ADD_ENDPOINT,
    ADMIT,
    IDLE_LIMITS,
    ISSUE_TICKET,
    LIST_ENDPOINTS,
    REMOVE_ENDPOINT,
)
from shared.contracts.commands.jobs import ACTIVE, GET, VIEWS
from shared.contracts.commands.streams import OPEN_STREAM
from shared.contracts.endpoints import (
    AddEndpoint,
    Endpoint,
    Endpoints,
    IssueTicket,
    ListEndpoints,
    RemoveEndpoint,
    Ticket,
)
from shared.contracts.events import (
    EndpointRequested,
    JobErrored,
    JobFailed,
    JobFinished,
    JobKilled,
    JobPaused,
    JobPreempted,
    JobRetried,
    JobStarted,
    JobSubmitted,
)


class Handlers:
    """One method per subscription."""

    def __init__(self, desk: Desk, follower: Follower, door: HttpDoor, visits: Visits) -> None:
        self._desk = desk
        self._follower = follower
        self._door = door
        self._visits = visits

    async def list(self, ask: ListEndpoints) -> Endpoints:
        return await self._desk.list(ask)

    async def add(self, ask: AddEndpoint) -> Endpoint:
        return await self._desk.add(ask)

    async def remove(self, ask: RemoveEndpoint) -> Endpoint:
        return await self._desk.remove(ask)

    async def ticket(self, ask: IssueTicket) -> Ticket:
        ticket = await self._door.ticket(ask)
        self._visits.ticket_issued(ask)
        return ticket

    async def job_events(self, deliveries: Sequence[Delivery[bytes]]) -> None:
        await self._follower.told([(delivery.subject, delivery.message) for delivery in deliveries])

    async def own_events(self, deliveries: Sequence[Delivery[str]]) -> None:
        self._follower.learned(delivery.message for delivery in deliveries)


def as_it_is(subject: str, payload: bytes) -> bytes:
    """Most jobs have no endpoints; their events are not read."""
    return payload


def job_of(subject: str, payload: bytes) -> str:
    """Whose endpoint it is."""
    return subject.rpartition(".")[2]


TELLING = (
    JobSubmitted,
    JobStarted,
    JobPaused,
    JobPreempted,
    JobRetried,
    JobFinished,
    JobFailed,
    JobErrored,
    JobKilled,
)
"""A job that comes, a run that begins or ends, and a job's end; all other events stay on the server."""

ASKS = (ADMIT, GET, VIEWS, ACTIVE, KILL, OPEN_STREAM, IDLE_LIMITS)
"""Everything that this service asks of others."""

SUBSCRIPTIONS: tuple[Subscription, ...] = (
    Answers(LIST_ENDPOINTS, Handlers.list),
    Answers(ADD_ENDPOINT, Handlers.add),
    Answers(REMOVE_ENDPOINT, Handlers.remove),
    Answers(ISSUE_TICKET, Handlers.ticket),
    Shared(
        "endpoints",
        subjects.EVENTS,
        tuple(subjects.job_events_of(event) for event in TELLING),
        as_it_is,
        Handlers.job_events,
    ),
    Each(subjects.EVENTS, (subjects.endpoint_events_of(EndpointRequested),), job_of, Handlers.own_events),
)
