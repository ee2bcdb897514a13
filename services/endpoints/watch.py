"""What people have open through the doors, and what ends it.

Everything that is open is confirmed anew every RECHECK_S, many at one time, so that an answer that does not come delays
no other one. A refusal cuts at once. No answer is no refusal: a restart of the gateway or of NATS cuts nobody. What
nobody has confirmed for UNCONFIRMED_S is cut all the same, so that overload does not keep a door open.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

import structlog

from services.endpoints.domain.document import RunPlace
from shared.clock import Clock
from shared.contracts.errors import Conflict, Forbidden, Invalid, NotFound, Refusal, TemporaryError, Unauthorized

log = structlog.get_logger()

RECHECK_S = 2.0
UNCONFIRMED_S = 20.0
ANSWER_S = 5.0
AT_ONCE = 64
"""Answers that are waited for at one time; the others have their turn after these."""

OVER = "The run that you were in has ended. Connect again while the job runs."
UNCONFIRMED = "The platform could not confirm for a while that you may be here. Connect again in a moment."

VERDICTS = (Unauthorized, Forbidden, NotFound, Conflict, Invalid)
"""What says that somebody may not, or not there any more. All else, a fault of the platform included, says nothing."""


@dataclass(frozen=True)
class Key:
    """What is confirmed as one: somebody, by what let them in, at one endpoint."""

    job_id: str
    name: str
    credential: str


Cut = Callable[[str], None]
"""Ends a connection; the sentence says why."""


@dataclass(eq=False)
class _Connection:
    run: RunPlace
    cut: Cut


@dataclass(eq=False)
class _Held:
    """What is open by one key. `confirmed`: when the last question that was answered with yes was asked."""

    confirmed: float
    connections: set[_Connection] = field(default_factory=set)
    asking: bool = False


Confirm = Callable[[Key], Awaitable[RunPlace]]
"""The run that this key leads into now. Raises Refusal, TemporaryError."""


class Watch:
    """Holds what is open, and cuts it when it may be no longer."""

    def __init__(self, confirm: Confirm, clock: Clock, at_once: int = AT_ONCE) -> None:
        self._confirm = confirm
        self._clock = clock
        self._room = asyncio.Semaphore(at_once)
        self._held: dict[Key, _Held] = {}

    @contextlib.contextmanager
    def hold(self, key: Key, run: RunPlace, since: float, cut: Cut) -> Iterator[None]:
        """A connection is open; `cut` is called, once, when it may be no longer. `since`: when it was asked whether it
        may, by the monotonic clock.
        """
        connection = _Connection(run, cut)
        held = self._held.setdefault(key, _Held(since))
        held.confirmed = max(held.confirmed, since)
        held.connections.add(connection)
        try:
            yield
        finally:
            held.connections.discard(connection)
            if not held.connections and self._held.get(key) is held:
                del self._held[key]

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                await asyncio.sleep(RECHECK_S)
                self.look(group)

    def look(self, group: asyncio.TaskGroup) -> None:
        """Cut what was not confirmed for too long, and begin to ask about the rest."""
        oldest = self._clock.monotonic() - UNCONFIRMED_S
        for key, held in list(self._held.items()):
            if held.confirmed < oldest:
                log.warning("endpoint_cut_unconfirmed", job_id=key.job_id, endpoint=key.name)
                self._end(key, held, UNCONFIRMED)
            elif not held.asking:
                held.asking = True
                group.create_task(self._check(key, held))

    async def _check(self, key: Key, held: _Held) -> None:
        try:
            async with self._room, asyncio.timeout(ANSWER_S):
                asked = self._clock.monotonic()
                run = await self._confirm(key)
        except VERDICTS as refusal:
            log.info("endpoint_cut", job_id=key.job_id, endpoint=key.name, why=refusal.message)
            self._end(key, held, refusal.message)
        except (Refusal, TemporaryError, TimeoutError) as error:
            log.warning("endpoint_unchecked", job_id=key.job_id, endpoint=key.name, error=repr(error))
        else:
            held.confirmed = max(held.confirmed, asked)
            _cut(held, {connection for connection in held.connections if connection.run != run}, OVER)
        finally:
            held.asking = False

    def _end(self, key: Key, held: _Held, why: str) -> None:
        if self._held.get(key) is held:
            del self._held[key]
        _cut(held, set(held.connections), why)


def _cut(held: _Held, connections: set[_Connection], why: str) -> None:
    held.connections -= connections
    for connection in connections:
        connection.cut(why)
