"""When running jobs wrote their last checkpoints, as their executors see it.

Asked when somebody pauses them, and not kept: a training job may write thousands, and a job's history is finite. Who
pauses a job does not wait long for it: an executor that says nothing in time leaves it open, and the next ones who
pause something there do not wait at all.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence

import structlog

from services.jobs.domain.document import JobHead
from services.jobs.domain.signals import Checkpoint
from shared.bus.bus import Bus
from shared.clock import Clock
from shared.contracts.commands.checkpoints import CHECKPOINTS, GetCheckpoints, LastCheckpoint, RunOf
from shared.contracts.errors import Refusal, Unavailable
from shared.contracts.job import HOLDING

log = structlog.get_logger()

PATIENCE_S = 0.5
SILENCE_S = 10.0
"""How long one that did not answer is not asked again: it must not hold up everybody's pauses, one by one."""


class LastCheckpoints:
    """Asks executors, and remembers which of them say nothing."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock
        self._silent_until: dict[str, float] = {}

    async def of(self, jobs: Iterable[JobHead]) -> dict[str, Checkpoint]:
        """What is known of those that hold a place, by job; the others are left out."""
        by_executor: dict[str, list[RunOf]] = defaultdict(list)
        for job in jobs:
            if job.state.status in HOLDING and job.state.allocation is not None:
                run = RunOf(job_id=job.id, attempt=job.state.attempt)
                by_executor[job.state.allocation.answerer].append(run)
        answers = await asyncio.gather(*(self._ask(executor, runs) for executor, runs in by_executor.items()))
        return {item.job_id: Checkpoint(item.written_at) for items in answers for item in items}

    async def _ask(self, executor: str, runs: Sequence[RunOf]) -> Sequence[LastCheckpoint]:
        if self._clock.monotonic() < self._silent_until.get(executor, 0.0):
            return ()
        self._silent_until.pop(executor, None)
        try:
            answer = await self._bus.ask(CHECKPOINTS.at(executor), GetCheckpoints(runs=tuple(runs)), PATIENCE_S)
        except Refusal as refusal:
            log.info("checkpoints_unknown", executor=executor, runs=len(runs), problem=refusal.code)
            if isinstance(refusal, Unavailable):
                self._silent_until[executor] = self._clock.monotonic() + SILENCE_S
            return ()
        return answer.items
