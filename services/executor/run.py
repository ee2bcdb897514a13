"""A run as this process knows it: its record, what its backend saw last, and how much of that has been reported."""

import asyncio
from dataclasses import dataclass, field

from services.executor.domain.observation import Live, Observation, Started, Waiting
from services.executor.domain.record import RunRecord
from services.executor.domain.repairs import Local, Phase
from shared import tracing


@dataclass
class Run:
    """One attempt of a job on this node."""

    record: RunRecord
    seen: Observation = field(default_factory=Waiting)
    since: float = 0.0
    """Monotonic seconds of the last launch."""
    trace: tracing.Span = tracing.NOTHING
    """From the event that asked for it to its start."""
    reporter: "asyncio.Task[None] | None" = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def lives(self) -> bool:
        return isinstance(self.seen, Live) and self.record.kind == "run"

    def advance(self, seen: Observation) -> bool:
        """Take in a newer observation; false if it says nothing new, or is older than what is known."""
        known = self.seen
        if not isinstance(known, Live) or seen == known or isinstance(seen, Waiting):
            return False
        self.seen = seen
        self.changed.set()
        return True

    async def moved_on(self) -> None:
        """Wait for the next observation that says something new."""
        self.changed.clear()
        await self.changed.wait()

    def local(self, now: float) -> Local:
        """What the reconcile loop decides on."""
        living = Phase.STARTED if isinstance(self.seen, Started) else Phase.WAITING
        phase = living if self.lives else Phase.ENDED
        return Local(self.record.job_id, self.record.attempt, phase, now - self.since)
