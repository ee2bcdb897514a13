"""The rings in memory and on disk: loaded when asked for, written when changed, the least used dropped first.

A ring is in memory at most once. Everything that touches the disk goes through one thread, in turn: a ring that was
dropped is on disk before it is loaded again, and an older copy never replaces a newer one.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import structlog

from services.logs.domain.chunk import Arrival
from services.logs.domain.record import RingCopy, Unreadable, copy_of, decode, encode
from services.logs.domain.ring import Ring
from services.logs.files import Folder, Saved
from shared.clock import Clock

log = structlog.get_logger()

T = TypeVar("T")

LOW_WATER = 0.9
"""Beyond the limit, rings are dropped down to this part of it."""

RETRY_S = 5.0
"""A disk that refused is not asked again for so long, unless a save is due."""


@dataclass(slots=True)
class Held:
    """A ring in memory."""

    ring: Ring
    saved: int
    """The position of its copy on disk."""
    touched: float
    """By the clock that never goes back."""

    @property
    def changed(self) -> bool:
        return self.ring.position != self.saved


class Rings:
    """Every job's ring, wherever it is."""

    def __init__(self, folder: Folder, clock: Clock, limit: int) -> None:
        """`limit`: bytes of rings in memory."""
        self.era = ""
        self.bytes = 0
        self.lines = 0
        self.lost = 0
        self.gaps = 0
        """What came in since the start: lines, lines that are missing, and places where some are."""
        self._folder = folder
        self._clock = clock
        self._limit = limit
        self._held: OrderedDict[str, Held] = OrderedDict()
        self._loading = asyncio.Lock()
        self._disk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="logs-disk")
        self._failing_until: float | None = None

    async def on_disk(self, action: Callable[[], T]) -> T:
        """Run this in the thread that owns the folder."""
        return await asyncio.get_running_loop().run_in_executor(self._disk, action)

    async def add(self, sequence: int, arrival: Arrival) -> None:
        """Give a chunk to its job's ring."""
        held = self._held.get(arrival.job_id) or await self._load(arrival.job_id)
        if held is None:
            held = self._hold(Ring(arrival.job_id))
        before = held.ring.bytes
        added = held.ring.add(sequence, arrival)
        if added is not None:
            self.lines += added.lines
            self.lost += added.lost
            self.gaps += added.lost > 0
        self.bytes += held.ring.bytes - before
        self._touch(held)

    async def find(self, job_id: str) -> Ring | None:
        """The job's ring, None when it never had a line."""
        held = self._held.get(job_id) or await self._load(job_id)
        if held is None:
            return None
        self._touch(held)
        return held.ring

    async def save(self) -> bool:
        """Write every ring that has changed since it was last written; False when the disk refused."""
        for held in [held for held in self._held.values() if held.changed]:
            if not await self._write(held):
                return False
        return True

    async def save_position(self, saved: Saved) -> bool:
        """Say how far the files are complete; False when the disk refused."""
        return await self._on_good_disk(lambda: self._folder.save(saved))

    async def shrink(self) -> None:
        """Drop the least used rings while they take more memory than they may.

        Rings that cannot be written are kept: a full disk costs memory, not lines.
        """
        if self.bytes <= self._limit or self._disk_fails():
            return
        for job_id in list(self._held)[:-1]:
            if self.bytes <= self._limit * LOW_WATER or not await self._drop(job_id):
                return

    async def drop_idle(self, idle_s: float) -> None:
        """Drop what nothing has touched for so long."""
        before = self._clock.monotonic() - idle_s
        for job_id in [job_id for job_id, held in self._held.items() if held.touched < before]:
            if not await self._drop(job_id):
                return

    async def close(self) -> None:
        """Leave the folder; the disk's thread ends."""
        await self.on_disk(self._folder.close)
        self._disk.shutdown(wait=False)

    def _touch(self, held: Held) -> None:
        held.touched = self._clock.monotonic()
        self._held.move_to_end(held.ring.job_id)

    def _hold(self, ring: Ring) -> Held:
        held = Held(ring, saved=ring.position, touched=self._clock.monotonic())
        self._held[ring.job_id] = held
        self.bytes += ring.bytes
        return held

    async def _load(self, job_id: str) -> Held | None:
        async with self._loading:
            if job_id in self._held:
                return self._held[job_id]
            ring = await self.on_disk(lambda: self._read(job_id))
            return None if ring is None else self._hold(ring)

    def _read(self, job_id: str) -> Ring | None:
        data = self._folder.read(job_id)
        if data is None:
            return None
        try:
            return decode(data, self.era)
        except Unreadable as error:
            log.error("console_unreadable", job_id=job_id, kept=str(self._folder.set_aside(job_id)), error=str(error))
            return None

    async def _drop(self, job_id: str) -> bool:
        """False when it had to be written and could not."""
        held = self._held.get(job_id)
        if held is None:
            return True
        if held.changed and not await self._write(held):
            return False
        if not held.changed and self._held.get(job_id) is held:
            del self._held[job_id]
            self.bytes -= held.ring.bytes
        return True

    async def _write(self, held: Held) -> bool:
        copy = copy_of(held.ring)
        if not await self._on_good_disk(lambda: self._write_copy(copy)):
            return False
        held.saved = copy.position
        return True

    def _write_copy(self, copy: RingCopy) -> None:
        self._folder.write(copy.job_id, encode(copy, self.era))

    async def _on_good_disk(self, action: Callable[[], None]) -> bool:
        try:
            await self.on_disk(action)
        except OSError as error:
            if self._failing_until is None:
                log.error("consoles_not_saved", folder=str(self._folder.path), error=str(error))
            self._failing_until = self._clock.monotonic() + RETRY_S
            return False
        if self._failing_until is not None:
            log.info("consoles_saved_again", folder=str(self._folder.path))
            self._failing_until = None
        return True

    def _disk_fails(self) -> bool:
        return self._failing_until is not None and self._clock.monotonic() < self._failing_until
