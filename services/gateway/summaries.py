"""What jobs have used in all, merged into their briefs and lists as far as the metrics service says so in time.

A list without it is better than none, and none waits for it again and again: whoever did not answer is left alone for
a while.
"""

from collections.abc import Sequence

import structlog

from shared.bus.bus import Bus
from shared.clock import Clock
from shared.contracts.commands.metrics import SUMMARIES
from shared.contracts.errors import Refusal
from shared.contracts.metrics import MANY_SUMMARIES, AskSummaries, JobUsage

log = structlog.get_logger()

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
        deadline = self._clock.monotonic() + self._timeout_s
        found: dict[str, JobUsage] = {}
        left = tuple(job_ids)
        while left and (now := self._clock.monotonic()) >= self._not_before and now < deadline:
            asked = left[:MANY_SUMMARIES]
            try:
                answer = await self._bus.ask(SUMMARIES, AskSummaries(job_ids=asked), deadline - now)
            except Refusal as refusal:
                log.debug("summaries_missing", count=len(left), problem=refusal.code)
                self._not_before = self._clock.monotonic() + LEFT_ALONE_S
                break
            found.update((usage.job_id, usage) for usage in answer.items)
            left = answer.left + left[MANY_SUMMARIES:]
        return found
