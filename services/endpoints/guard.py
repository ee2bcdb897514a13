"""Who is let through a door, and for how long: every way in asks here, and every open connection is held here.

A permission that is lost, an endpoint that closes and a run that ends cut what is open within RECHECK_S and the time
of an answer, so within the 5 s that people are promised; `watch.py` says what comes of it when there is no answer.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from services.endpoints.domain.document import EndpointDocument, RunPlace
from services.endpoints.domain.reasons import JOB_OVER, absent
from services.endpoints.domain.requested import submitted_with
from services.endpoints.store import EndpointStore
from services.endpoints.watch import RECHECK_S, VERDICTS, Cut, Key, Watch
from shared.bus.bus import Bus
from shared.clock import Clock
from shared.contracts.commands.endpoints import ADMIT
from shared.contracts.endpoints import Admit, Admitted, EndpointKind, EndpointStatus
from shared.contracts.errors import Conflict, Forbidden
from shared.contracts.job import TERMINAL
from shared.views import views_of

REMEMBERED = 10_000
OPENING = "The endpoint '{name}' of job {job_id} is being opened. Try again in a moment."


@dataclass(frozen=True)
class Pass:
    """Somebody may use this endpoint of a run. `since`: when that was asked, by the monotonic clock.

    `token` and `key` are the name of the API token or SSH key that let them in, if it was one.
    """

    user: str
    credential: str
    endpoint: EndpointDocument
    run: RunPlace
    since: float
    token: str | None
    key: str | None


Came = Callable[[Pass, str], None]
"""Somebody came in, from this address, or chain of addresses of which the last are proxies."""


class Guard:
    """Admits people to endpoints and watches what they have open."""

    def __init__(self, store: EndpointStore, bus: Bus, clock: Clock, timeout_s: float, came: Came) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._timeout_s = timeout_s
        self._came = came
        self._admitted: dict[Admit, tuple[float, Admitted]] = {}
        self._watch = Watch(self._confirm, clock)
        self.open: Counter[EndpointKind] = Counter()
        """How many connections are open."""

    async def enter(self, ask: Admit, name: str) -> Pass:
        """Raises Unauthorized, NotFound or Forbidden for the person, Forbidden for an endpoint that is not there, and
        Conflict for one that does not lead anywhere now.
        """
        since, admitted = await self._known(ask)
        endpoint = await self._store.get(ask.job_id, name)
        if endpoint is None and await self._is_to_come(ask.job_id, name):
            raise Conflict(OPENING.format(name=name, job_id=ask.job_id))
        return _passed(admitted, since, ask.job_id, name, endpoint)

    async def _is_to_come(self, job_id: str, name: str) -> bool:
        """Whether the job was submitted with it: it is stored a moment after the job."""
        found = await views_of(self._bus, (job_id,), self._timeout_s)
        return any(name in submitted_with(job) and job.state.status not in TERMINAL for job in found)

    @contextmanager
    def hold(self, passed: Pass, cut: Cut, address: str) -> Iterator[None]:
        """A connection is open, from this address; `cut` is called, once, when it may be no longer."""
        self._came(passed, address)
        key = Key(passed.endpoint.job_id, passed.endpoint.name, passed.credential)
        with self._watch.hold(key, passed.run, passed.since, cut):
            self.open[passed.endpoint.kind] += 1
            try:
                yield
            finally:
                self.open[passed.endpoint.kind] -= 1

    async def watch(self) -> None:
        """Cut what may be no longer, until cancelled."""
        await self._watch.run()

    async def admit(self, ask: Admit) -> Admitted:
        """Who this is, if they may use the job's endpoints at all. Raises Unauthorized, NotFound or Forbidden."""
        return (await self._known(ask))[1]

    async def _known(self, ask: Admit) -> tuple[float, Admitted]:
        """The answer, which counts for RECHECK_S, and when it was asked for."""
        known = self._admitted.get(ask)
        if known is not None and self._clock.monotonic() - known[0] < RECHECK_S:
            return known
        return await self._asked(ask)

    async def _asked(self, ask: Admit) -> tuple[float, Admitted]:
        now = self._clock.monotonic()
        self._admitted.pop(ask, None)
        try:
            admitted = await self._bus.ask(ADMIT, ask, self._timeout_s)
        except VERDICTS:
            self._forget_all_of(ask.credential)
            raise
        if len(self._admitted) >= REMEMBERED:
            self._forget()
        self._admitted[ask] = (now, admitted)
        return now, admitted

    async def _confirm(self, key: Key) -> RunPlace:
        """What is open is asked about anew: an older answer would make it last longer than is promised."""
        since, admitted = await self._asked(Admit(job_id=key.job_id, credential=key.credential))
        return _passed(admitted, since, key.job_id, key.name, await self._store.get(key.job_id, key.name)).run

    def _forget_all_of(self, credential: str | None) -> None:
        """Whoever was refused by it is let in by no answer from before, to whichever question."""
        if credential is not None:
            self._admitted = {ask: known for ask, known in self._admitted.items() if known[1].credential != credential}

    def _forget(self) -> None:
        """What counts no more; all of it where that is not enough."""
        oldest = self._clock.monotonic() - RECHECK_S
        fresh = {ask: known for ask, known in self._admitted.items() if known[0] > oldest}
        self._admitted = fresh if len(fresh) < REMEMBERED else {}


def _passed(admitted: Admitted, since: float, job_id: str, name: str, endpoint: EndpointDocument | None) -> Pass:
    if endpoint is not None and endpoint.reason is not None and endpoint.reason.code == JOB_OVER:
        raise Conflict(endpoint.reason.message)
    if endpoint is None or endpoint.status is EndpointStatus.CLOSED:
        raise Forbidden(absent(job_id, name))
    if endpoint.status is EndpointStatus.FAILED:
        why = endpoint.reason.message if endpoint.reason else ""
        raise Conflict(f"The endpoint '{name}' of job {job_id} failed: {why}")
    if endpoint.run is None:
        raise Conflict(f"Job {job_id} does not run now; its endpoint '{name}' opens when it does.")
    if endpoint.status is not EndpointStatus.READY:
        raise Conflict(OPENING.format(name=name, job_id=job_id))
    return Pass(admitted.user, admitted.credential, endpoint, endpoint.run, since, admitted.token, admitted.key)
