"""Who is let through a door, and for how long: every way in asks here, and every open connection is held here.

A permission that is lost, an endpoint that closes and a run that ends cut what is open within RECHECK_S and the time
of an answer, so within the 5 s that people are promised.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import structlog

from services.endpoints.domain.document import EndpointDocument, RunPlace
from services.endpoints.domain.reasons import JOB_OVER, absent
from services.endpoints.store import EndpointStore
from shared.bus.bus import Bus
from shared.clock import Clock
from shared.contracts.commands.endpoints import ADMIT
from shared.contracts.endpoints import Admit, Admitted, EndpointStatus
from shared.contracts.errors import Conflict, Forbidden, Refusal, TemporaryError

log = structlog.get_logger()

RECHECK_S = 2.0
"""An answer counts so long; what is open is looked at as often."""
REMEMBERED = 10_000


@dataclass(frozen=True)
class Pass:
    """Somebody may use this endpoint of a run."""

    user: str
    credential: str
    endpoint: EndpointDocument
    run: RunPlace


@dataclass(eq=False)
class _Held:
    passed: Pass
    cut: Callable[[], None]


class Guard:
    """Admits people to endpoints and watches what they have open."""

    def __init__(self, store: EndpointStore, bus: Bus, clock: Clock, timeout_s: float) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._timeout_s = timeout_s
        self._held: set[_Held] = set()
        self._admitted: dict[Admit, tuple[float, Admitted]] = {}

    async def enter(self, ask: Admit, name: str) -> Pass:
        """Raises Unauthorized, NotFound or Forbidden for the person, Forbidden for an endpoint that is not there, and
        Conflict for one that does not lead anywhere now.
        """
        admitted = await self.admit(ask)
        return _passed(admitted, ask.job_id, name, await self._store.get(ask.job_id, name))

    @contextlib.contextmanager
    def hold(self, passed: Pass, cut: Callable[[], None]) -> Iterator[None]:
        """A connection is open; `cut` is called, once, when it may be no longer."""
        held = _Held(passed, cut)
        self._held.add(held)
        try:
            yield
        finally:
            self._held.discard(held)

    async def watch(self) -> None:
        """Cut what may be no longer, until cancelled."""
        while True:
            await asyncio.sleep(RECHECK_S)
            self._forget()
            for job_id, name, credential in {_key(held) for held in self._held}:
                await self._check(job_id, name, credential)

    async def _check(self, job_id: str, name: str, credential: str) -> None:
        try:
            passed = await self.enter(Admit(job_id=job_id, credential=credential), name)
        except TemporaryError as error:
            log.warning("endpoint_unchecked", job_id=job_id, endpoint=name, error=repr(error))
            return
        except Refusal as refusal:
            log.info("endpoint_cut", job_id=job_id, endpoint=name, why=refusal.message)
            self._cut(job_id, name, credential, run=None)
            return
        self._cut(job_id, name, credential, run=passed.run)

    def _cut(self, job_id: str, name: str, credential: str, run: RunPlace | None) -> None:
        """Those of this key that lead into another run, or all (None)."""
        for held in [held for held in self._held if _key(held) == (job_id, name, credential)]:
            if held.passed.run != run:
                self._held.discard(held)
                held.cut()

    async def admit(self, ask: Admit) -> Admitted:
        """Who this is, if they may use the job's endpoints at all. Raises Unauthorized, NotFound or Forbidden."""
        now = self._clock.monotonic()
        known = self._admitted.get(ask)
        if known is not None and now - known[0] < RECHECK_S:
            return known[1]
        admitted = await self._bus.ask(ADMIT, ask, self._timeout_s)
        if len(self._admitted) >= REMEMBERED:
            self._forget()
        self._admitted[ask] = (now, admitted)
        return admitted

    def _forget(self) -> None:
        oldest = self._clock.monotonic() - RECHECK_S
        self._admitted = {ask: known for ask, known in self._admitted.items() if known[0] > oldest}


def _passed(admitted: Admitted, job_id: str, name: str, endpoint: EndpointDocument | None) -> Pass:
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
        raise Conflict(f"The endpoint '{name}' of job {job_id} is being opened. Try again in a moment.")
    return Pass(admitted.user, admitted.credential, endpoint, endpoint.run)


def _key(held: _Held) -> tuple[str, str, str]:
    return held.passed.endpoint.job_id, held.passed.endpoint.name, held.passed.credential
