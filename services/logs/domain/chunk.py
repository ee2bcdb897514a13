"""Chunks as the ring keeps them, and new ones made of pieces of theirs.

Payloads are worked on as plain data: they were validated when they came, and building models of 2000 lines would take
several times as long.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.contracts.logs import LogUnfinished, Stream

MEMORY_OVERHEAD = 320
"""Bytes that Python needs for a chunk beside its payload."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A chunk as it came: its JSON, and what of it the ring needs to know."""

    job_id: str
    attempt: int
    rank: int
    seq: int
    count: int
    lost: int
    payload: bytes
    ends: Mapping[Stream, int]
    """The number of the last line of each stream."""
    unfinished: tuple[LogUnfinished, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """A chunk in the ring: its lines from `seq` on, which are the last `count` of the payload's."""

    sequence: int
    """Of the stream; 0 when the stream that gave it is gone."""
    attempt: int
    rank: int
    seq: int
    count: int
    trimmed: int
    """Lines at the payload's start that were seen before."""
    lost: int
    """Lines missing just before the first one, after line `after_seq`."""
    after_seq: int
    payload: bytes
    origins: tuple[tuple[int, int], ...] = ()
    """Of a joined chunk: (stream sequence, lines) of each that went into it."""

    @property
    def end(self) -> int:
        """The number after the last line's."""
        return self.seq + self.count

    @property
    def bytes(self) -> int:
        """Memory that it takes."""
        return len(self.payload) + MEMORY_OVERHEAD

    def continues(self, other: "Kept") -> bool:
        """Whether its first line is the one after the other's last."""
        return not self.lost and (self.attempt, self.rank, self.seq) == (other.attempt, other.rank, other.end)

    def lines_until(self, sequence: int) -> int:
        """How many of its lines the stream had brought at that sequence."""
        if self.sequence <= sequence:
            return self.count
        return sum(count for origin, count in self.origins if origin <= sequence)


@dataclass(frozen=True, slots=True)
class Slice:
    """The lines of a chunk from number `seq` on, `count` of them."""

    chunk: Kept
    seq: int
    count: int

    @property
    def end(self) -> int:
        return self.seq + self.count


def whole(chunk: Kept) -> Slice:
    return Slice(chunk, chunk.seq, chunk.count)


Segment = dict[str, Any]
Body = tuple[list[Segment], list[str]]
"""Segments and lines."""


def body_of(slices: Sequence[Slice]) -> Body:
    """The slices' lines, one slice after the other."""
    segments: list[Segment] = []
    lines: list[str] = []
    for piece in slices:
        data = json.loads(piece.chunk.payload)
        there = data["text"].split("\n") if data["segments"] else []
        skipped = len(there) - (piece.chunk.end - piece.seq)
        lines += there[skipped : skipped + piece.count]
        segments += cut(data["segments"], skipped, piece.count)
    return segments, lines


def cut(segments: Sequence[Segment], skip: int, count: int) -> list[Segment]:
    """The segments of `count` lines after the first `skip`."""
    found: list[Segment] = []
    for segment in segments:
        here = min(max(segment["count"] - skip, 0), count)
        skip = max(skip - segment["count"], 0)
        count -= here
        if here:
            found.append({"stream": segment["stream"], "time": segment["time"], "count": here})
    return found


def encoded(job_id: str, attempt: int, rank: int, seq: int, body: Body) -> str:
    """The JSON of a LogChunk."""
    segments, lines = body
    chunk = {"job_id": job_id, "attempt": attempt, "rank": rank, "seq": seq, "segments": segments}
    return json.dumps({**chunk, "text": "\n".join(lines)}, ensure_ascii=False, separators=(",", ":"))


def join(job_id: str, chunks: Sequence[Kept]) -> Kept:
    """One chunk of several that continue each other."""
    first = chunks[0]
    body = body_of([whole(chunk) for chunk in chunks])
    return Kept(
        sequence=chunks[-1].sequence,
        attempt=first.attempt,
        rank=first.rank,
        seq=first.seq,
        count=len(body[1]),
        trimmed=0,
        lost=first.lost,
        after_seq=first.after_seq,
        payload=encoded(job_id, first.attempt, first.rank, first.seq, body).encode(),
        origins=tuple((chunk.sequence, chunk.count) for chunk in chunks),
    )
