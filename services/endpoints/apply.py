"""How an endpoint changes: load, decide, save by compare-and-set with the event in the same document; then relay."""

from collections.abc import Callable, Sequence

from services.endpoints.domain.document import EndpointDocument
from services.endpoints.domain.machine import Signal, decide
from services.endpoints.domain.publishing import events_after
from services.endpoints.store import EndpointStore
from shared.bus.bus import Bus
from shared.clock import Clock
from shared.contracts.base import Version
from shared.contracts.errors import NotFound, TemporaryError
from shared.contracts.job import Actor
from shared.outbox import Outbox
from shared.store.port import DuplicateKey

TRIES = 20
SERVICE = Actor(kind="service", name="endpoints")


SignalsFor = Callable[[EndpointDocument], Sequence[Signal]]


class TooContended(TemporaryError):
    """Others changed the endpoint each time between load and save."""


class Applier:
    """The one writer of endpoints."""

    def __init__(self, store: EndpointStore, bus: Bus, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.outbox: Outbox[EndpointDocument] = Outbox(bus, store.endpoints, events_after)

    async def insert(self, endpoint: EndpointDocument) -> EndpointDocument:
        """The new endpoint, or the one that is there already."""
        try:
            await self.store.endpoints.insert(endpoint)
        except DuplicateKey:
            found = await self.store.endpoints.get(endpoint.id)
            assert found is not None
            return found
        self.outbox.committed([endpoint])
        return endpoint

    async def change(
        self, id: str, signals: Sequence[Signal], actor: Actor = SERVICE, cause: str | None = None
    ) -> EndpointDocument:
        """The endpoint after these signals. `cause`: the request that they come from."""
        return await self.follow(id, lambda _: signals, None, actor, cause)

    async def follow(
        self,
        endpoint_id: str,
        signals: SignalsFor,
        job_version: Version | None,
        actor: Actor = SERVICE,
        cause: str | None = None,
    ) -> EndpointDocument:
        """The endpoint after what `signals` says for it as it is now.

        `job_version`: the signals come from this version of the job; of an older one than was applied, none counts.
        Raises NotFound.
        """
        for _ in range(TRIES):
            before = await self.store.endpoints.get(endpoint_id)
            if before is None:
                raise NotFound(f"There is no endpoint {endpoint_id}.")
            if job_version is not None and job_version < before.job_version:
                return before
            after = before
            for signal in signals(before):
                after = decide(after, signal, actor, self.clock.now(), cause)
            if job_version is not None and (after is not before or not before.over):
                after = _seen(after, before, job_version)
            if after is before:
                return before
            if await self.store.endpoints.swap(after, before.version):
                self.outbox.committed([after])
                return after
        raise TooContended(f"The endpoint {endpoint_id} is changing too often.")


def _seen(after: EndpointDocument, before: EndpointDocument, job_version: Version) -> EndpointDocument:
    """The endpoint, which remembers the version of the job that it follows."""
    if job_version == before.job_version:
        return after
    version = max(after.version, before.version + 1)
    return after.model_copy(update={"job_version": job_version, "version": version})
