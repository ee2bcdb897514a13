"""A run as this process knows it: its record, what its backend saw of its ranks last, and what these come to."""

import asyncio
from dataclasses import dataclass, field

from services.executor.domain.gang import Verdict, failed_first, is_broken, joined
from services.executor.domain.observation import Live, Observation, Started, Waiting
from services.executor.domain.record import RunRecord
from services.executor.domain.repairs import Local, Phase
from shared import tracing


@dataclass
class Run:
    """One attempt of a job. What is known of it only ever advances."""

    record: RunRecord
    ranks: dict[str, Observation] = field(default_factory=dict)
    """What each rank is, by its name, in their order."""
    verdict: Verdict | None = None
    seen: Observation = field(default_factory=Waiting, init=False)
    """What its ranks come to together."""
    decided_by: int | None = field(default=None, init=False)
    """The rank that is the reason for its end; none: it had one rank, or no rank failed."""
    since: float = 0.0
    """Monotonic seconds of the last launch."""
    trace: tracing.Span = tracing.NOTHING
    """From the event that asked for it to its start."""
    reporter: "asyncio.Task[None] | None" = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    ending: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by whoever decides on its end."""

    def __post_init__(self) -> None:
        self.ranks = {id: self.ranks.get(id, Waiting()) for id in self.record.ranks}
        self._join()

    @property
    def lives(self) -> bool:
        return isinstance(self.seen, Live) and self.record.kind == "run"

    @property
    def living(self) -> list[str]:
        """Its ranks that may still change."""
        return [id for id, seen in self.ranks.items() if isinstance(seen, Live)]

    @property
    def has_begun(self) -> bool:
        """Whether one of its ranks is more than asked for."""
        return not all(isinstance(seen, Waiting) for seen in self.ranks.values())

    @property
    def failed(self) -> int | None:
        """The rank that has failed first, as far as is known."""
        return failed_first(tuple(self.ranks.values()))

    @property
    def is_ending(self) -> bool:
        """Whether its ranks are to end that still live."""
        return self.lives and (self.verdict is not None or self.failed is not None)

    def advance(self, rank_id: str, seen: Observation) -> bool:
        """Take in a newer observation of a rank; false if it says nothing new, or is older than what is known."""
        known = self.ranks.get(rank_id)
        if not isinstance(known, Live) or seen == known or isinstance(seen, Waiting):
            return False
        self.ranks[rank_id] = seen
        self._join()
        self.changed.set()
        return True

    def rule(self, verdict: Verdict) -> None:
        """It is decided, and stored, who began its end."""
        self.verdict = verdict
        self._join()
        self.changed.set()

    async def moved_on(self) -> None:
        """Wait for the next observation that says something new."""
        self.changed.clear()
        await self.changed.wait()

    def local(self, now: float) -> Local:
        """What the reconcile loop decides on. A run that goes to its end is not launched again."""
        ranks = tuple(self.ranks.values())
        waiting = isinstance(self.seen, Waiting) and not is_broken(ranks)
        living = Phase.WAITING if waiting else Phase.STARTED
        phase = living if self.lives else Phase.ENDED
        return Local(self.record.job_id, self.record.attempt, phase, now - self.since)

    def _join(self) -> None:
        """Once started it never waits again: a later look may find a rank that was lost and not when it began."""
        found = joined(tuple(self.ranks.values()), self.verdict)
        if isinstance(self.seen, Live) and not (isinstance(self.seen, Started) and isinstance(found.seen, Live)):
            self.seen, self.decided_by = found.seen, found.rank
