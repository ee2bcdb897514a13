"""The leader's loop: plan when something changed, send the plan, take in what became of it.

What arrives during a cycle is planned in the next. Devices are held from the plan on: a command without an answer is
looked up and repeated as it was, with the same versions and places, until the jobs service has decided; so a command
that was only slow cannot meet a newer plan for the same devices.
"""

import asyncio
from contextlib import suppress

import structlog

from services.scheduler.commands import commands_of
from services.scheduler.domain.plan import plan
from services.scheduler.domain.snapshot import Snapshot
from services.scheduler.lease import Leadership
from services.scheduler.measures import Timings
from services.scheduler.rebuild import Rebuild
from services.scheduler.settings import SchedulerSettings
from services.scheduler.traces import Waits
from shared.bus.bus import Bus
from shared.clock import Clock
from shared.contracts.commands.scheduling import PLACE, Place, Placed, Placement, Preemption
from shared.contracts.errors import Conflict, Refusal, Unavailable

log = structlog.get_logger()

IDLE_S = 1.0
RESTING_S = 0.1
"""While a node rests after a refusal, its end is looked for this often."""
BACKOFF_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)


class Cycle:
    """Plans while this scheduler leads."""

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        snapshot: Snapshot,
        leadership: Leadership,
        rebuild: Rebuild,
        settings: SchedulerSettings,
        waits: Waits,
        wake: asyncio.Event,
        timings: Timings,
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._snapshot = snapshot
        self._leadership = leadership
        self._rebuild = rebuild
        self._settings = settings
        self._waits = waits
        self._wake = wake
        self._timings = timings
        self._epoch: int | None = None
        self._open: list[Place] = []
        self._fruitless = 0
        self._unanswered = 0

    @property
    def leads(self) -> bool:
        """Whether this scheduler leads now, and has read what the leader before it has done."""
        return self._epoch is not None and self._epoch == self._leadership.epoch

    async def run(self) -> None:
        """Cycle whenever something woke it; look at the time once a second in any case."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._sleeps()):
                    await self._wake.wait()
            self._wake.clear()
            await self.step()
            if self._fruitless:
                await asyncio.sleep(BACKOFF_S[min(self._fruitless, len(BACKOFF_S)) - 1])

    async def step(self) -> None:
        """One cycle; nothing if this scheduler does not lead or nothing changed."""
        if self._leadership.held != self._epoch:
            self._let_go()
        epoch = self._leadership.epoch
        if epoch is None or not (self._epoch == epoch or await self._take_over(epoch)):
            return
        await self._send_open()
        if self._open:
            return
        now = self._clock.now()
        self._snapshot.advance(now, self._clock.monotonic())
        if self._snapshot.due:
            with self._timings.cycle.time():
                with self._timings.plan.time():
                    decided = plan(self._snapshot, now, self._settings.placements_per_cycle)
                self._timings.decided(decided)
                self._snapshot.apply(decided)
                commands = commands_of(decided, self._snapshot, epoch, self._settings.command_bytes)
                self._open = [self._waits.over(command) for command in commands]
                await self._send_open()

    # --- leading

    async def _take_over(self, epoch: int) -> bool:
        """Read what the leader before has done: nothing of it can come later, its epoch is over."""
        try:
            await self._rebuild.load()
        except Refusal as refusal:
            log.warning("take_over_delayed", epoch=epoch, error=refusal.message)
            self._fruitless += 1
            self._wake.set()
            return False
        self._epoch = epoch
        return True

    def _let_go(self) -> None:
        """Whatever is under way, the next epoch ends it, and reads what became of it before it plans."""
        self._epoch = None
        self._open.clear()
        for id in list(self._snapshot.pending):
            self._snapshot.give_back(id)

    # --- sending

    async def _send_open(self) -> None:
        """Send what was planned until all of it is decided, or this scheduler does not lead any more."""
        done, sent = 0, bool(self._open)
        while self._open and self._leadership.epoch == self._open[0].epoch:
            done += await self._send(self._open[0])
        if sent:
            self._fruitless = 0 if done else self._fruitless + 1
        if self._snapshot.due:
            self._wake.set()

    async def _send(self, command: Place) -> int:
        """Send the first open command once. Returns how many of its decisions came to pass."""
        try:
            answer = await self._bus.ask(PLACE, command)
        except Conflict as refusal:
            log.info("lead_lost", epoch=command.epoch, error=refusal.message)
            self._leadership.lose()
            return 0
        except Refusal as refusal:
            log.warning("plan_not_answered", code=refusal.code, error=refusal.message)
            await asyncio.sleep(BACKOFF_S[min(self._unanswered, len(BACKOFF_S) - 1)])
            self._unanswered += 1
            return await self._after_silence(command, isinstance(refusal, Unavailable))
        self._unanswered = 0
        self._open.pop(0)
        return sum(self._settle(outcome) for outcome in answer.outcomes)

    def _settle(self, outcome: Placed) -> bool:
        """Take in one outcome; a refusal without news lets the job wait again as it was."""
        if outcome.view is not None:
            self._snapshot.put(outcome.view)
        elif not outcome.done:
            self._snapshot.forget(outcome.id)
        self._snapshot.give_back(outcome.id)
        return outcome.done

    async def _after_silence(self, command: Place, may_come_late: bool) -> int:
        """Look up what became of a command, and keep what is undecided open; or give it up, if it is over."""
        decisions: tuple[Placement | Preemption, ...] = (*command.placements, *command.preemptions)
        try:
            await self._rebuild.look_up([decision.id for decision in decisions])
        except Refusal:
            return 0
        placements = tuple(p for p in command.placements if self._snapshot.pending.get(p.id) == p)
        preemptions = tuple(p for p in command.preemptions if self._version(p.id) == p.version)
        if may_come_late and (placements or preemptions):
            self._open[0] = Place(epoch=command.epoch, placements=placements, preemptions=preemptions)
        else:
            self._open.pop(0)
            for placement in placements:
                self._snapshot.give_back(placement.id)
        return len(decisions) - len(placements) - len(preemptions)

    def _version(self, id: str) -> int | None:
        view = self._snapshot.jobs.get(id)
        return view.version if view is not None else None

    def _sleeps(self) -> float:
        longest = RESTING_S if self._snapshot.nodes.resting else IDLE_S
        due = self._snapshot.waiting.next_due
        if due is None or self._epoch is None:
            return longest
        return min(longest, max((due - self._clock.now()).total_seconds(), 0.0))
