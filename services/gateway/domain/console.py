"""What a reader of a console has seen: which lines of a chunk are new, which are missing before it, and how they look.

A chunk may hold tens of thousands of lines, and a hundred readers may want them at one time: lines are written as JSON
directly, a tenth of the time that a model for each would take, and in pieces, so that nobody waits for a whole chunk.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from shared.contracts.base import rfc3339
from shared.contracts.logs import LogChunk, LogGap, LogLine

PIECE_LINES = 1000
"""The most lines that one event shows."""

Run = tuple[int, int]
"""(attempt, rank): lines are numbered without holes within one."""

_quoted = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True)
class News:
    """What of a chunk a reader has not seen: all but its first `skipped` lines, and what is missing before them."""

    chunk: LogChunk
    skipped: int
    gap: LogGap | None

    def __bool__(self) -> bool:
        return self.lines > 0 or self.gap is not None

    @property
    def lines(self) -> int:
        """How many lines there are."""
        return self.chunk.count - self.skipped

    @property
    def chars(self) -> int:
        """How much text is held for them, that of skipped lines included."""
        return len(self.chunk.text)

    @property
    def count(self) -> int:
        """How many pieces there are."""
        return max(-(-self.lines // PIECE_LINES), 1 if self.gap else 0)

    def pieces(self) -> Iterator[bytes]:
        """The JSON of one LogTail after the other, each made when it is asked for."""
        gap = self.gap.model_dump_json() if self.gap else ""
        lines = self.rows()
        for _ in range(self.count):
            yield f'{{"lines":[{",".join(islice(lines, PIECE_LINES))}],"gaps":[{gap}]}}'.encode()
            gap = ""

    def rows(self) -> Iterator[str]:
        """Each line as the JSON of a LogLine."""
        chunk, number, start = self.chunk, 0, 0
        for segment in chunk.segments:
            about = (
                f',"time":"{rfc3339(segment.time)}","stream":"{segment.stream}",'
                f'"rank":{chunk.rank},"attempt":{chunk.attempt},"text":'
            )
            for _ in range(segment.count):
                end = chunk.text.find("\n", start)
                text = chunk.text[start:] if end < 0 else chunk.text[start:end]
                if number >= self.skipped:
                    yield f'{{"seq":{chunk.seq + number}{about}{_quoted(text)}}}'
                number, start = number + 1, end + 1


class Seen:
    """The last line of each run that one reader got. A chunk that comes twice is shown once; a jump is a gap."""

    def __init__(self) -> None:
        self._last: dict[Run, int] = {}

    def note(self, line: LogLine) -> None:
        """The reader got this line in another way, from the tail."""
        run = (line.attempt, line.rank)
        self._last[run] = max(line.seq, self._last.get(run, 0))

    def add(self, chunk: LogChunk) -> News:
        """What the reader has not seen of this chunk, and what is missing before it."""
        run = (chunk.attempt, chunk.rank)
        last = self._last.get(run)
        end = chunk.seq + chunk.count - 1
        self._last[run] = max(end, last or 0)
        jump = 0 if last is None else max(chunk.seq - last - 1, 0)
        repeated = last is not None and chunk.seq <= last
        lost = 0 if repeated else max(jump, chunk.lost)
        skipped = 0 if last is None else min(max(last - chunk.seq + 1, 0), chunk.count)
        gap = LogGap(after_seq=chunk.seq - 1 - jump, lost=lost, rank=chunk.rank) if lost else None
        return News(chunk, skipped, gap)
