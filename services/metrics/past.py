"""What the METRICS stream still holds of one job, and where a replica begins to follow it."""

import asyncio
from contextlib import suppress
from datetime import timedelta

from services.metrics.domain.ring import Ring
from services.metrics.samples import sample
from shared.bus.bus import AWAY, Bus
from shared.bus.follow import Follower, StreamReplaced
from shared.bus.lookup import StreamAway, sequence_of
from shared.clock import Clock
from shared.contracts import subjects
from shared.contracts.base import rfc3339
from shared.contracts.metrics import SAMPLES_KEPT, Sample

READ_S = 2.5
"""The longest that reading a job's last hour may take; whoever asked is told to try again."""

LEAVE_S = 0.5
"""The longest that giving up the reader of a job may take."""

RECENT = timedelta(minutes=1)
"""A run has given a sample in this time, as long as it lives."""


class Past:
    """Reads the stream, beside those who follow it."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock

    async def recent(self) -> int:
        """The sequence of the first sample of the last minute, or the one after the last of all. Raises StreamAway."""
        since = rfc3339(self._clock.now() - RECENT)
        ask: dict[str, object] = {"start_time": since, "next_by_subj": subjects.SAMPLES}
        if first := await sequence_of(self._bus, subjects.METRICS, ask, READ_S):
            return first
        return await sequence_of(self._bus, subjects.METRICS, {"last_by_subj": subjects.SAMPLES}, READ_S) + 1

    async def of(self, job_id: str) -> Ring:
        """The job's samples up to now. Raises StreamAway."""
        ring = Ring()
        heard = subjects.samples_of(job_id)
        last = await sequence_of(self._bus, subjects.METRICS, {"last_by_subj": heard}, READ_S)
        if not last:
            return ring
        follower = Follower(self._bus, subjects.METRICS, (heard,), 1, new_only=False, batch=SAMPLES_KEPT)
        try:
            async with asyncio.timeout(READ_S):
                while ring.position < last:
                    for message in await follower.next():
                        found = sample(message.subject, message.data)
                        ring.add(message.metadata.sequence.stream, found if isinstance(found, Sample) else None)
        except (*AWAY, StreamReplaced) as error:
            raise StreamAway("The samples of the job cannot be read now.") from error
        finally:
            with suppress(*AWAY):  # the server forgets its consumer by itself after a while
                async with asyncio.timeout(LEAVE_S):
                    await follower.close()
        return ring
