"""Who leads: one scheduler plans, the others are ready to take over.

The lease is a document of the jobs service, renewed each second. Nobody's wall clock counts: a contender takes the
lease only when it has stood still for a whole term by the contender's own monotonic clock (or its holder is proved
dead), and the leader stops planning when it could not renew for a term less a margin. What a former leader still
sends is refused, since its epoch is old.
"""

import asyncio
from collections.abc import Callable

import structlog

from services.scheduler.settings import SchedulerSettings
from shared.bus.bus import Bus
from shared.clock import Clock
from shared.contracts.commands.scheduling import LEAD, Lead, Lease
from shared.contracts.errors import Refusal

log = structlog.get_logger()


class Leadership:
    """This scheduler's part in the election."""

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        settings: SchedulerSettings,
        contender: str,
        is_dead: Callable[[str], bool],
        wake: asyncio.Event,
    ) -> None:
        """`wake` is set when this scheduler begins to lead."""
        self._bus = bus
        self._clock = clock
        self._settings = settings
        self._contender = contender
        self._is_dead = is_dead
        self._wake = wake
        self._epoch: int | None = None
        self._until = 0.0
        self._watched: Lease | None = None
        self._still_since = 0.0
        self._in_vain = False

    @property
    def epoch(self) -> int | None:
        """The epoch in which this scheduler may plan now; None: it does not lead."""
        return self._epoch if self._clock.monotonic() < self._until else None

    @property
    def held(self) -> int | None:
        """The epoch that this scheduler last got and nobody is known to have ended, though its term may be over."""
        return self._epoch

    def lose(self) -> None:
        """Somebody else leads."""
        self._epoch = None

    async def run(self) -> None:
        """Renew or contend, each second."""
        while True:
            await self.beat()
            await asyncio.sleep(self._settings.beat_s)

    async def beat(self) -> None:
        """Ask once; and once more at once if the holder turns out to be dead."""
        lease = await self._ask(None if self._watched is None or not self._stands_still() else self._watched)
        if lease is not None and lease.holder != self._contender and self._is_dead(lease.holder):
            await self._ask(lease)

    async def _ask(self, seen: Lease | None) -> Lease | None:
        asked = self._clock.monotonic()
        try:
            lease = await self._bus.ask(LEAD, Lead(contender=self._contender, seen=seen), self._settings.beat_s)
        except Refusal as refusal:
            if not self._in_vain:
                log.warning("lease_not_answered", code=refusal.code, error=refusal.message)
            self._in_vain = True
            return None
        self._in_vain = False
        if lease.holder == self._contender:
            self._hold(lease.epoch, asked)
        else:
            self._watch(lease)
        return lease

    def _hold(self, epoch: int, asked: float) -> None:
        began = self._epoch != epoch or self.epoch is None
        self._watched = None
        self._epoch = epoch
        self._until = asked + self._settings.term_s - self._settings.margin_s
        if began:
            log.info("leading", epoch=epoch)
            self._wake.set()

    def _watch(self, lease: Lease) -> None:
        if self._epoch is not None:
            log.info("lead_lost", holder=lease.holder, epoch=lease.epoch)
            self.lose()
        if lease != self._watched:
            self._watched, self._still_since = lease, self._clock.monotonic()

    def _stands_still(self) -> bool:
        return self._clock.monotonic() - self._still_since >= self._settings.term_s
