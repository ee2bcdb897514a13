"""What jobs have used in all, merged into their briefs and lists as far as the metrics service says so in time.

A list without it is better than none, and none waits for it again and again: whoever did not answer is left alone for
a while.
"""

import asyncio
from collections.abc import Sequence

import structlog

from shared.bus.bus import Bus
from shared.clock import Clock
from shared.contracts.commands.metrics import SUMMARIES
from shared.contracts.errors import Refusal
from shared.contracts.metrics import AskSummaries, JobUsage

log = structlog.get_logger()

ASKED = 50
"""Jobs in one question: as many as fit into an answer when each reports as many values as it may."""

LEFT_ALONE_S = 5.0
"""How long nobody is asked after an answer that did not come."""


class Summaries:
    """Asks the metrics service. Nothing here raises."""

    def __init__(self, bus: Bus, clock: Clock, timeout_s: float) -> None:
        self._bus = bus
        self._clock = clock
        self._timeout_s = timeout_s
        self._not_before = clock.monotonic()

    async def of(self, job_ids: Sequence[str]) -> dict[str, JobUsage]:
        """By job, those that there are and are known right now."""
        if not job_ids or self._clock.monotonic() < self._not_before:
            return {}
        parts = [tuple(job_ids[begin : begin + ASKED]) for begin in range(0, len(job_ids), ASKED)]
        answers = await asyncio.gather(*(self._asked(part) for part in parts))
        return {usage.job_id: usage for answer in answers for usage in answer}

    async def _asked(self, job_ids: tuple[str, ...]) -> tuple[JobUsage, ...]:
        try:
            return (await self._bus.ask(SUMMARIES, AskSummaries(job_ids=job_ids), self._timeout_s)).items
        except Refusal as refusal:
            log.debug("summaries_missing", count=len(job_ids), problem=refusal.code)
            self._not_before = self._clock.monotonic() + LEFT_ALONE_S
            return ()
