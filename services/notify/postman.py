"""Sends what is due: one loop for each kind of message, many tries at one time, each by one replica.

A try is claimed by compare-and-set before it begins, and its outcome is stored the same way. Between the two nothing
is known of it: a process that dies there leaves a message that is due again once its lease is over.

People take turns: each lane that has something due stands in a row once, whatever number of messages it has. A look
at the store steps from lane to lane; the end of a try asks for the next messages of its own lane, and for no others.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from itertools import product
from typing import Generic, TypeVar

import structlog

from services.notify.domain.sending import Arrival, Rules, Sending, is_due, is_exhausted, missed, sent, tried
from services.notify.failures import Hopeless, Missed
from services.notify.store import Outgoing, due, due_lanes, due_without_lane
from shared.bus.bus import Bus
from shared.bus.deadletters import keep
from shared.clock import Clock
from shared.contracts.errors import Refusal, TemporaryError
from shared.contracts.notify import Progress
from shared.store.port import Collection, Swap

log = structlog.get_logger()

LOOK_S = 1.0
"""How often to look for messages that nobody announced: another replica's, and those that are due again."""

FAULT = "The platform made a mistake; its log has the details."
DIED = "Whoever tried to send it died each time."

ADOPTED = 500
"""The most messages of a former version that one look gives their lane."""

AT_ONCE = 16
AT_ONCE_PER_LANE = 4
"""Tries at one time, in all and for one person: a slow receiver must not keep back everybody's messages."""

MISSED = "missed"
"""How a try ended after which another comes."""
OUTCOMES = (str(Progress.SENT), str(Progress.FAILED), MISSED)

O = TypeVar("O", bound=Outgoing)  # noqa: E741


class Postman(Generic[O]):
    """The loop over one collection."""

    def __init__(
        self,
        kind: str,
        bus: Bus,
        clock: Clock,
        rules: Rules,
        collection: Collection[O],
        send: Callable[[O], Awaitable[Arrival | None]],
        channels: Iterable[str],
        changed: Callable[[O], None] = lambda _: None,
    ) -> None:
        """`kind` names dead letters; `send` says how it left, or raises Missed; `channels`: all that messages take;
        `changed` hears of each change.
        """
        self._kind = kind
        self._bus = bus
        self._clock = clock
        self._rules = rules
        self._collection = collection
        self._send = send
        self._changed = changed
        self._wake = asyncio.Event()
        self._look_at = 0.0
        self._turns: dict[str, None] = {}
        self._lanes: Counter[str] = Counter()
        self._busy: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.outcomes: Counter[tuple[str, str]] = Counter(dict.fromkeys(product(channels, OUTCOMES), 0))
        """How many tries ended how, by the channel. Each begins at 0: the first failure has to be seen as one more."""

    def wake(self) -> None:
        """There is something new."""
        self._look_at = 0.0
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            self._wake.clear()
            await self._look()
            await self._begin_due()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._wake.wait()

    async def drain(self) -> None:
        """Finish the tries under way, and begin no others."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def _look(self) -> None:
        """Let every lane that has something due stand in the row, if it is time to, and somebody's turn to come."""
        now = asyncio.get_running_loop().time()
        if now < self._look_at or len(self._tasks) >= AT_ONCE:
            return
        self._look_at = now + LOOK_S
        await self._adopt()
        async for lane in due_lanes(self._collection, self._clock.now()):
            self._turns.setdefault(lane)

    async def _adopt(self) -> None:
        """Give what a former version stored its lane."""
        now = self._clock.now()
        strays = await due_without_lane(self._collection, now, ADOPTED)
        if not strays:
            return
        adopted = [Swap(stray.moved(stray.sending, now), stray.version) for stray in strays]
        for swap, done in zip(adopted, await self._collection.swap_many(adopted), strict=True):
            if done:
                self._changed(swap.document)

    async def _begin_due(self) -> None:
        """Let the lanes in the row have their turns while tries are free."""
        while self._turns and len(self._tasks) < AT_ONCE:
            lane = next(iter(self._turns))
            del self._turns[lane]
            if self._lanes[lane] < AT_ONCE_PER_LANE:
                await self._begin_in(lane)

    async def _begin_in(self, lane: str) -> None:
        """As many tries as are free. A page holds enough: those under way in this lane are the others in it."""
        for message in await due(self._collection, lane, self._clock.now(), AT_ONCE_PER_LANE):
            if self._lanes[lane] >= AT_ONCE_PER_LANE or len(self._tasks) >= AT_ONCE:
                return
            if message.id in self._busy:
                continue
            self._busy.add(message.id)
            self._lanes[lane] += 1
            task = asyncio.get_running_loop().create_task(self._deliver(message))
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._wake.set()

    async def _deliver(self, message: O) -> None:
        try:
            claimed = await self._claimed(message)
            if claimed is not None:
                await self._record(claimed, await self._outcome(message.sending, claimed))
            self._turns.setdefault(message.lane)
        except TemporaryError as error:
            log.warning("message_left_for_later", id=message.id, error=repr(error))
        finally:
            self._busy.discard(message.id)
            self._lanes -= Counter((message.lane,))

    async def _claimed(self, message: O) -> O | None:
        """The message with its try begun, None if another replica was first."""
        now = self._clock.now()
        if not is_due(message.sending, now):
            return None
        claimed = message.moved(tried(message.sending, self._rules, now), now)
        if not await self._collection.swap(claimed, message.version):
            return None
        self._changed(claimed)
        return claimed

    async def _outcome(self, before: Sending, message: O) -> Sending:
        """What became of the try."""
        if is_exhausted(before, self._rules, self._clock.now()):
            return self._missed(message, before.last_error or DIED, final=True)
        try:
            arrival = await self._send(message)
        except (Missed, Refusal, TemporaryError) as error:
            return self._missed(message, str(error), final=isinstance(error, Hopeless))
        except Exception as error:
            log.exception("message_faulty", id=message.id, error=repr(error))
            return self._missed(message, FAULT, final=False)
        return sent(message.sending, self._clock.now(), arrival)

    def _missed(self, message: O, error: str, *, final: bool) -> Sending:
        after = missed(message.sending, error, self._rules, self._clock.now(), final=final)
        log.warning("message_missed", id=message.id, tries=after.tries, error=after.last_error)
        return after

    async def _record(self, message: O, after: Sending) -> None:
        """Store it. Where the lease was over and another has begun, an arrival still counts, a failure does not."""
        current: O | None = message
        while current is not None and not current.sending.over:
            if after.status is Progress.FAILED:
                await self._bury(current, after)
            ended = current.moved(after, self._clock.now())
            if await self._collection.swap(ended, current.version):
                self._changed(ended)
                outcome = after.status if after.over else MISSED
                self.outcomes[current.channel, str(outcome)] += 1
                return
            if after.status is not Progress.SENT:
                return
            current = await self._collection.get(message.id)

    async def _bury(self, message: O, after: Sending) -> None:
        subject = f"dead.notify.{self._kind}.{message.id}"
        await keep(self._bus, subject, message.model_dump_json().encode(), message.id, after.last_error or "")
