"""The jobs whose last hour is in memory: those that somebody has asked for, kept up with the stream from then on.

A ring that is here holds all that the stream holds of its job: it is read back once, and what the follower hears
meanwhile is added behind. So replicas answer alike, a restart reads nothing that nobody asks for, and memory goes to
what people look at, never to how many jobs there are.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from weakref import WeakValueDictionary

from services.metrics.domain.ring import Ring
from services.metrics.latest import Latest
from shared.contracts.metrics import Sample

Read = Callable[[str], Awaitable[Ring]]


class Rings:
    """Rings in memory, the one asked for last at the end."""

    def __init__(self, past: Read, latest: Latest, limit: int) -> None:
        """`past` reads a job's ring back; `limit`: bytes of rings in memory."""
        self.bytes = 0
        self._past = past
        self._latest = latest
        self._limit = limit
        self._held: OrderedDict[str, Ring] = OrderedDict()
        self._reading: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """Of each job that somebody waits for."""
        self._arriving: dict[str, list[tuple[int, Sample]]] = {}

    @property
    def held(self) -> int:
        """The jobs whose last hour is in memory."""
        return len(self._held)

    @property
    def running(self) -> int:
        """The jobs of which a sample came in the last minute, or a little before."""
        return len(self._latest)

    def add(self, sequence: int, sample: Sample) -> None:
        """Take what the stream delivered."""
        self._latest.add(sample)
        ring, arriving = self._held.get(sample.job_id), self._arriving.get(sample.job_id)
        if ring is not None:
            before = ring.bytes
            ring.add(sequence, sample)
            self.bytes += ring.bytes - before
            self._shrink()
        elif arriving is not None:
            arriving.append((sequence, sample))

    def latest(self, job_id: str) -> tuple[Sample, ...]:
        """The last sample of each rank, while the job runs."""
        return self._latest.of(job_id)

    async def find(self, job_id: str) -> Ring:
        """The job's ring, empty when the stream has no sample of it. Raises StreamAway."""
        reading = self._reading.setdefault(job_id, asyncio.Lock())
        async with reading:
            ring = self._held.get(job_id)
            if ring is None:
                ring = await self._read(job_id)
            else:
                self._held.move_to_end(job_id)
        self._shrink()
        return ring

    async def _read(self, job_id: str) -> Ring:
        arriving: list[tuple[int, Sample]] = []
        self._arriving[job_id] = arriving
        try:
            ring = await self._past(job_id)
        finally:
            del self._arriving[job_id]
        for sequence, sample in arriving:
            ring.add(sequence, sample)
        if ring.position:
            self._held[job_id] = ring
            self.bytes += ring.bytes
        return ring

    def _shrink(self) -> None:
        """Drop those asked for longest ago while they take more memory than they may; the last one stays."""
        while self.bytes > self._limit and len(self._held) > 1:
            _, ring = self._held.popitem(last=False)
            self.bytes -= ring.bytes
