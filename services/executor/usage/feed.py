"""Samples on their way to the METRICS stream: told once, without waiting for the stream, and never waited for.

While no server is there they are held, up to `HELD`; then the oldest are dropped. A lost sample is a gap in a graph.
"""

import asyncio
from collections import Counter, deque

import structlog

from shared.bus.bus import Bus
from shared.contracts import subjects
from shared.contracts.metrics import Sample

log = structlog.get_logger()

HELD = 2_000
SENT, DROPPED = "sent", "dropped"
_AGAIN_S = 0.5


class SampleFeed:
    """A queue with an end."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._held: deque[Sample] = deque()
        self._more = asyncio.Event()
        self._dropped = 0
        self.outcomes = Counter({SENT: 0, DROPPED: 0})
        """What became of the samples, since the start."""

    def put(self, sample: Sample) -> None:
        """Take a sample. Says once that there are too many, until they flow again."""
        if len(self._held) >= HELD:
            self._held.popleft()
            if not self._dropped:
                log.warning("samples_dropped", held=HELD)
            self._dropped += 1
            self.outcomes[DROPPED] += 1
        self._held.append(sample)
        self._more.set()

    async def run(self) -> None:
        """Send what is held, until cancelled."""
        while True:
            await self._more.wait()
            if not self._bus.connected:
                await asyncio.sleep(_AGAIN_S)
                continue
            if self._dropped:
                log.info("samples_flow_again", dropped=self._dropped)
                self._dropped = 0
            while self._held and self._bus.connected:
                sample = self._held.popleft()
                told = await self._bus.tell(
                    subjects.sample(sample.job_id, sample.rank), sample.model_dump_json().encode()
                )
                self.outcomes[SENT if told else DROPPED] += 1
            if not self._held:
                self._more.clear()
