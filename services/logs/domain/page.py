"""What one answer shows of a ring: which lines were asked for, and how many of the newest fit in a message."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from services.logs.domain.chunk import Body, Slice, body_of, cut, encoded
from services.logs.domain.ring import SMALL_LINES, Ring
from shared.contracts.commands.logs import LogPage, TailLog
from shared.contracts.logs import LINES_KEPT, LogGap

PAGE_BYTES = 400 * 1024
"""The most that an answer takes; a message may hold 512 KiB."""

_ENVELOPE_BYTES = 256
_GAP_BYTES = 64
_SEGMENT_BYTES = 96


@dataclass(slots=True)
class Part:
    """Slices that continue each other and will travel as one chunk."""

    slices: list[Slice] = field(default_factory=list)

    @property
    def gap(self) -> LogGap | None:
        """The loss before the first line, if that line is shown."""
        first = self.slices[0]
        if not first.chunk.lost or first.seq > first.chunk.seq:
            return None
        return LogGap(after_seq=first.chunk.after_seq, lost=first.chunk.lost, rank=first.chunk.rank)

    def takes(self, other: Slice) -> bool:
        """Small chunks travel together, so that a slow job does not fill its answer with envelopes."""
        last = self.slices[-1]
        small = last.count <= SMALL_LINES and other.count <= SMALL_LINES
        return small and last.end == other.seq and other.seq == other.chunk.seq and other.chunk.continues(last.chunk)


def page_of(ring: Ring, ask: TailLog, position: int, limit: int = PAGE_BYTES) -> LogPage:
    """The answer: of the lines that were asked for, the newest that fit in `limit` bytes of JSON."""
    left = limit - _ENVELOPE_BYTES
    chunks: list[str] = []
    gaps: list[LogGap] = []
    more = False
    for part in reversed(joined(reversed(list(selected(ring, ask))))):
        text = _text_of(ring.job_id, part)
        left -= _size(text) + _GAP_BYTES
        if left < 0:
            more = True
            text = _newest_of(ring.job_id, part, left + _size(text))
        elif part.gap:
            gaps.append(part.gap)
        if text:
            chunks.append(text)
        if more:
            break
    return LogPage(chunks=tuple(reversed(chunks)), gaps=tuple(reversed(gaps)), more=more, position=position)


def selected(ring: Ring, ask: TailLog) -> Iterator[Slice]:
    """What was asked for, newest first: never more than the last `LINES_KEPT` lines of the ring."""
    kept, wanted = LINES_KEPT, ask.tail
    before = ask.before_seq
    for chunk in ring.newest_first():
        if not kept or not wanted or (ask.after and chunk.sequence <= ask.after):
            return
        seq = chunk.end - min(chunk.count, kept)
        if ask.after:
            seq = max(seq, chunk.seq + chunk.lines_until(ask.after))
        kept -= min(chunk.count, kept)
        end = chunk.end
        if before is not None:
            if chunk.rank != ask.before_rank or chunk.seq > before:
                continue
            end, before = min(end, before), None
        if ask.rank is not None and chunk.rank != ask.rank:
            continue
        count = max(min(end - seq, wanted), 0)
        wanted -= count
        if count or (not chunk.count and chunk.seq <= end):
            yield Slice(chunk, end - count, count)


def joined(slices: Iterable[Slice]) -> list[Part]:
    """Slices, oldest first, as few parts."""
    parts: list[Part] = []
    for piece in slices:
        if parts and parts[-1].takes(piece):
            parts[-1].slices.append(piece)
        else:
            parts.append(Part([piece]))
    return parts


def _text_of(job_id: str, part: Part) -> str:
    """The JSON of a LogChunk; as it came, where that is what is wanted. Empty: there is only a gap."""
    first = part.slices[0]
    if not first.count:
        return ""
    if len(part.slices) == 1 and first.count == first.chunk.count and not first.chunk.trimmed:
        return first.chunk.payload.decode()
    return encoded(job_id, first.chunk.attempt, first.chunk.rank, first.seq, body_of(part.slices))


def _newest_of(job_id: str, part: Part, limit: int) -> str:
    """Its newest lines that fit; what surrounds them is taken for larger rather than smaller."""
    first = part.slices[0]
    segments, lines = body_of(part.slices)
    left = limit - _ENVELOPE_BYTES
    skipped = len(lines)
    for cost in _costs((segments, lines)):
        left -= cost
        if left < 0:
            break
        skipped -= 1
    if skipped == len(lines):
        return ""
    body = cut(segments, skipped, len(lines) - skipped), lines[skipped:]
    return encoded(job_id, first.chunk.attempt, first.chunk.rank, first.seq + skipped, body)


def _costs(body: Body) -> Iterator[int]:
    """Bytes of each line, newest first, with its segment where that begins to count."""
    segments, lines = body
    newest = reversed(lines)
    for segment in reversed(segments):
        for index in range(segment["count"]):
            yield _size(json.dumps(next(newest), ensure_ascii=False)) + (0 if index else _SEGMENT_BYTES)


def _size(text: str) -> int:
    """Bytes of this JSON once it stands as a string in other JSON."""
    return len(text.encode()) + text.count('"') + text.count("\\") + 3
