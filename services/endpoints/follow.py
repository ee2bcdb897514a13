"""Endpoints follow their jobs: what a job's state means for them is applied, whether an event told it or a look.

Jobs without endpoints cost a look at the bytes of their events: which jobs have some is in the event (those of the
submission) or in memory (those that were added), and the store is never asked.
"""

import secrets
from collections.abc import Iterable, Sequence, Set
from functools import partial

import structlog

from services.endpoints.apply import Applier
from services.endpoints.domain.document import EndpointDocument, endpoint_id
from services.endpoints.domain.following import Now, signals_of
from services.endpoints.domain.requested import requested, submitted_with
from services.endpoints.opener import Opener
from shared.bus import codec
from shared.bus.bus import Bus
from shared.contracts.commands.jobs import ACTIVE, ListActiveJobs
from shared.contracts.errors import NotFound, Refusal, TemporaryError
from shared.contracts.job import TERMINAL, Actor, JobView
from shared.views import views_of

log = structlog.get_logger()

MARKS = (b'"endpoints":["', b'"interactive_ports":[')
NONE = b'"interactive_ports":[]'
AT_ONCE = 100


class Follower:
    """Keeps the endpoints of jobs as their jobs are."""

    def __init__(self, applier: Applier, bus: Bus, opener: Opener, keep_s: float, timeout_s: float) -> None:
        """`keep_s`: how long TensorBoard outlives a job."""
        self._applier = applier
        self._bus = bus
        self._opener = opener
        self._keep_s = keep_s
        self._timeout_s = timeout_s
        self._jobs: set[str] = set()
        """Jobs that are not over and have endpoints, or had some that are closed by now."""
        self._new: set[str] = set()
        """Those that were learned of since the last look at the store began."""

    @property
    def jobs(self) -> Set[str]:
        """Those that are not over and have endpoints, closed ones included."""
        return self._jobs

    def learned(self, job_ids: Iterable[str]) -> None:
        """These jobs have endpoints."""
        found = set(job_ids)
        self._jobs |= found
        self._new |= found

    def concerns(self, subject: str, payload: bytes) -> bool:
        """Whether an event is of a job with endpoints."""
        return subject.rpartition(".")[2] in self._jobs or has_endpoints(payload)

    async def told(self, events: Sequence[tuple[str, bytes]]) -> None:
        """Events of jobs, in order. The last one of a job says how it is."""
        newest: dict[str, JobView] = {}
        for subject, payload in events:
            if self.concerns(subject, payload):
                view = codec.job_event(subject, payload).data.job
                known = newest.get(view.id)
                if known is None or known.version < view.version:
                    newest[view.id] = view
        for view in newest.values():
            await self.settle(view)

    async def look(self, job_id: str) -> JobView:
        """The job as it is now. Raises NotFound."""
        found = await views_of(self._bus, (job_id,), self._timeout_s)
        if not found:
            raise NotFound(f"There is no job {job_id}.")
        return found[0]

    async def settle(self, job: JobView) -> list[EndpointDocument]:
        """The job's endpoints, as this state of it wants them, those of its submission included; by name."""
        known = {endpoint.name: endpoint for endpoint in await self._applier.store.of_job(job.id)}
        over = job.state.status in TERMINAL
        for name in () if over else submitted_with(job):
            if name not in known:
                known[name] = await self.begin(job, name, 0, Actor(kind="user", name=job.owner), None)
        if over:
            self._jobs.discard(job.id)
        elif known:
            self.learned((job.id,))
        return [await self._follow(job, known[name]) for name in sorted(known)]

    async def begin(
        self, job: JobView, name: str, rank: int, actor: Actor, correlation_id: str | None, version: int = 1
    ) -> EndpointDocument:
        """An endpoint that is asked for; or what is there under its name."""
        now = self._applier.clock.now()
        return await self._applier.insert(requested(job, name, rank, actor, correlation_id, now, version))

    async def _follow(self, job: JobView, endpoint: EndpointDocument) -> EndpointDocument:
        now = Now(self._applier.clock.now(), secrets.token_urlsafe(24), self._keep_s)
        signals = partial(signals_of, job, now=now)
        after = await self._applier.follow(endpoint_id(job.id, endpoint.name), signals, job.version)
        self._opener.attend(after)
        return after

    async def repair(self) -> None:
        """Look at every endpoint that is not over, and at each job that has any: what an event missed is made good."""
        self._new = set()
        found = set(self._jobs)
        async for endpoint in self._applier.store.open():
            found.add(endpoint.job_id)
            self._opener.inspect(endpoint)
        alive: set[str] = set()
        ids = sorted(found)
        for start in range(0, len(ids), AT_ONCE):
            for view in await views_of(self._bus, ids[start : start + AT_ONCE], self._timeout_s):
                if view.state.status not in TERMINAL:
                    alive.add(view.id)
                await self._try_to_settle(view)
        self._jobs = alive | self._new

    async def catch_up(self) -> None:
        """Look at every job that is not over: what happened while this service was away."""
        after: str | None = None
        while True:
            ask = ListActiveJobs(after_id=after)
            page = await self._bus.ask(ACTIVE, ask, self._timeout_s)
            for active in page.items:
                if submitted_with(active.view):
                    await self._try_to_settle(active.view)
            if not page.more or not page.items:
                return
            after = page.items[-1].view.id

    async def _try_to_settle(self, job: JobView) -> None:
        """What fails for one job is tried again by the next repair, and keeps no other one waiting."""
        try:
            await self.settle(job)
        except (TemporaryError, Refusal) as error:
            log.warning("endpoints_unsettled", job_id=job.id, error=repr(error))


def has_endpoints(payload: bytes) -> bool:
    """Whether the event's job was submitted with endpoints. Quotes within texts are escaped, so nobody forges it."""
    return MARKS[0] in payload or (MARKS[1] in payload and NONE not in payload)
