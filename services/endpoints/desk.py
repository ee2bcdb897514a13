"""What people ask of endpoints: to list a job's, to add one, to remove one. Who may is the gateway's question."""

from collections.abc import Collection

from services.endpoints.apply import Applier
from services.endpoints.domain import reasons
from services.endpoints.domain.document import EndpointDocument, endpoint_id
from services.endpoints.domain.machine import Ask, Close
from services.endpoints.domain.places import Places
from services.endpoints.domain.requested import is_wanted, port_of, room_for_another
from services.endpoints.follow import Follower
from services.endpoints.opener import Opener
from services.endpoints.store import KEPT
from shared.contracts.endpoints import (
    ENDPOINTS,
    NAMES,
    PORTS,
    AddEndpoint,
    Endpoint,
    Endpoints,
    EndpointStatus,
    ListEndpoints,
    RemoveEndpoint,
    missing_rank,
)
from shared.contracts.errors import Conflict, FieldError, Invalid, NotFound
from shared.contracts.job import TERMINAL, Actor, JobView


class Desk:
    """Answers with endpoints as people see them. What it reads of a job is as fresh as the answer."""

    def __init__(self, applier: Applier, follower: Follower, opener: Opener, places: Places) -> None:
        self._applier = applier
        self._follower = follower
        self._opener = opener
        self._places = places

    async def list(self, ask: ListEndpoints) -> Endpoints:
        """Those of one job, by name. Raises NotFound."""
        found = await self._follower.settle(await self._follower.look(ask.job_id))
        return Endpoints(items=tuple(self._places.shown(endpoint) for endpoint in found))

    async def add(self, ask: AddEndpoint) -> Endpoint:
        """The endpoint, new or as it is, even where it outlives its job. Raises NotFound, Invalid, or Conflict when the
        job is over or has too many.
        """
        job = await self._follower.look(ask.job_id)
        _check(ask, job)
        known = {endpoint.name: endpoint for endpoint in await self._follower.settle(job)}
        there = known.get(ask.name)
        if job.state.status in TERMINAL:
            if there is not None and there.status is EndpointStatus.READY:
                return self._places.shown(there)
            raise Conflict(f"Job {job.id} is over ({job.state.status}); a way into it leads nowhere. Submit it again.")
        if there is not None and is_wanted(there) and there.rank != ask.rank:
            raise Conflict(f"The endpoint '{ask.name}' leads to rank {there.rank}. Remove it first.")
        wanted = [endpoint for endpoint in known.values() if is_wanted(endpoint)]
        if (there is None or not is_wanted(there)) and len(wanted) >= ENDPOINTS:
            raise Conflict(
                f"Job {job.id} has {ENDPOINTS} endpoints, the most that a job may have at one time. Remove one of them."
            )
        actor = _actor(ask)
        if there is None:
            there = await self._begin(job, ask, known.values())
        await self._applier.change(there.id, (Ask(ask.requested_by, ask.rank),), actor, ask.correlation_id)
        settled = {endpoint.name: endpoint for endpoint in await self._follower.settle(job)}
        return self._places.shown(settled[ask.name])

    async def _begin(self, job: JobView, ask: AddEndpoint, known: Collection[EndpointDocument]) -> EndpointDocument:
        replaced, version = room_for_another(job, known)
        if replaced is not None:
            await self._applier.store.endpoints.delete(replaced.id)
        elif len(known) >= KEPT:
            raise Conflict(f"Endpoints of job {job.id} are still being closed. Try again in a moment.")
        return await self._follower.begin(job, ask.name, ask.rank, _actor(ask), ask.correlation_id, version)

    async def remove(self, ask: RemoveEndpoint) -> Endpoint:
        """The closed endpoint. Raises NotFound for one that was never asked for."""
        id = endpoint_id(ask.job_id, ask.name)
        if await self._applier.store.endpoints.get(id) is None:
            await self.list(ListEndpoints(job_id=ask.job_id))
        if await self._applier.store.endpoints.get(id) is None:
            raise NotFound(f"Job {ask.job_id} has no endpoint '{ask.name}'. `jobyard endpoint list` shows all.")
        close = Close(reasons.removed(ask.requested_by))
        closed = await self._applier.change(id, (close,), _actor(ask), ask.correlation_id)
        self._opener.attend(closed)
        return self._places.shown(closed)


def _actor(ask: AddEndpoint | RemoveEndpoint) -> Actor:
    return ask.actor or Actor(kind="user", name=ask.requested_by)


def _check(ask: AddEndpoint, job: JobView) -> None:
    """Raises Invalid, which names the fields."""
    errors = []
    if ask.rank >= job.nodes:
        errors.append(FieldError(field="rank", message=missing_rank(job.nodes)))
    port = port_of(ask.name)
    if port is not None and not PORTS[0] <= port <= PORTS[1]:
        errors.append(FieldError(field="name", message=f"must be {NAMES}"))
    if ask.port is not None and ask.port != port:
        errors.append(FieldError(field="port", message=f"must be that of the name '{ask.name}', or left out"))
    if errors:
        said = "; ".join(f"{error.field}: {error.message}" for error in errors)
        raise Invalid(f"{said.removesuffix('.')}.", tuple(errors))
