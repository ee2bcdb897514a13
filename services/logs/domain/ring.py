"""The ring: the last lines of one job over all its attempts and ranks, in the order of the stream.

Chunks are kept as they came, undecoded; the work of adding one does not depend on its number of lines. Only the many
small chunks of a slow job are joined, now and then. Invariants: every line is in the ring at most once; the ring holds
the last `LINES_KEPT` lines that were added (and the rest of the oldest chunk among them); stream sequences rise from
the oldest chunk to the newest.

Lines are numbered within (attempt, rank), and a new attempt goes on after the highest number of the attempts before
it; lost lines are numbered too. So what is not beyond the last number of its (attempt, rank) was seen, and a jump is a
loss that can be counted.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from services.logs.domain.chunk import Arrival, Kept, join
from shared.contracts.logs import LINES_KEPT, LogLine
from shared.contracts.unfinished import UnfinishedLines

Run = tuple[int, int]
"""(attempt, rank)"""

SMALL_LINES = 16
SMALL_BYTES = 4096
"""A chunk up to here is worth joining with its neighbours."""

JOINED = 64
"""So many small chunks in a row become one."""


class Added(NamedTuple):
    """What a chunk has brought: new lines, and the news that so many before them are missing."""

    lines: int
    lost: int


class Ring:
    """The console of one job. Not for several threads."""

    def __init__(
        self,
        job_id: str,
        position: int = 0,
        last: Mapping[Run, int] | None = None,
        kept: Iterable[Kept] = (),
        unfinished: Iterable[LogLine] = (),
    ) -> None:
        self.job_id = job_id
        self.position = position
        """Stream sequence of the newest chunk that was offered."""
        self._last = dict(last or {})
        self._kept = deque(kept)
        self._series = 0
        self._unfinished = UnfinishedLines(unfinished)
        self.lines = sum(chunk.count for chunk in self._kept)
        self.bytes = sum(chunk.bytes for chunk in self._kept)

    @property
    def kept(self) -> tuple[Kept, ...]:
        """The chunks, oldest first."""
        return tuple(self._kept)

    @property
    def last(self) -> dict[Run, int]:
        """The highest line number of each attempt and rank."""
        return dict(self._last)

    @property
    def unfinished(self) -> tuple[LogLine, ...]:
        """What stands in lines that have not ended, the one that changed last at the end. None of it is a line."""
        return tuple(self._unfinished)

    def newest_first(self) -> Iterator[Kept]:
        return reversed(self._kept)

    def add(self, sequence: int, arrival: Arrival) -> Added | None:
        """Take a chunk that the stream delivered; None when none of it was new."""
        if sequence <= self.position:
            return None
        self.position = sequence
        self._unfinished.add(
            arrival.attempt, arrival.rank, arrival.seq + arrival.count, arrival.ends, arrival.unfinished
        )
        run = (arrival.attempt, arrival.rank)
        known = self._last.get(run)
        last = self._before(arrival.attempt) if known is None else known
        trimmed = 0 if known is None else min(max(last + 1 - arrival.seq, 0), arrival.count)
        jump = max(arrival.seq - last - 1, 0)
        lost = max(jump, arrival.lost) if known is None else jump
        if trimmed == arrival.count and not lost:
            return None
        self._last[run] = max(known or 0, arrival.seq + arrival.count - 1)
        self._append(
            Kept(
                sequence=sequence,
                attempt=arrival.attempt,
                rank=arrival.rank,
                seq=arrival.seq + trimmed,
                count=arrival.count - trimmed,
                trimmed=trimmed,
                lost=lost,
                after_seq=arrival.seq - 1 - jump,
                payload=arrival.payload,
            )
        )
        return Added(arrival.count - trimmed, lost)

    def forget_stream(self) -> None:
        """The stream was made anew: its sequences start again, and those that are known mean nothing any more."""
        self.position = 0
        self._kept = deque(replace(chunk, sequence=0, origins=()) for chunk in self._kept)

    def _before(self, attempt: int) -> int:
        """The highest line number of the attempts before this one."""
        return max((last for (other, _), last in self._last.items() if other < attempt), default=0)

    def _append(self, chunk: Kept) -> None:
        if chunk.count > SMALL_LINES or len(chunk.payload) > SMALL_BYTES:
            self._series = 0
        elif self._series and chunk.continues(self._kept[-1]):
            self._series += 1
        else:
            self._series = 1
        self._push(chunk)
        if self._series == JOINED:
            self._series = 0
            self._push(join(self.job_id, [self._pop() for _ in range(JOINED)][::-1]))
        while self.lines - self._kept[0].count >= LINES_KEPT:
            self._forget(self._kept.popleft())
            self._series = min(self._series, len(self._kept))

    def _push(self, chunk: Kept) -> None:
        self._kept.append(chunk)
        self.lines += chunk.count
        self.bytes += chunk.bytes

    def _pop(self) -> Kept:
        return self._forget(self._kept.pop())

    def _forget(self, chunk: Kept) -> Kept:
        self.lines -= chunk.count
        self.bytes -= chunk.bytes
        return chunk
