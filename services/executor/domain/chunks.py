"""From assembled lines to the chunks that travel: numbered, and small enough for a message."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from services.executor.domain.lines import Lines, Lost
from shared.contracts.logs import CHUNK_BYTES, LogChunk, LogSegment, LogUnfinished, Stream

STREAMS = {1: Stream.STDOUT, 2: Stream.STDERR}
"""A frame's kind to the contract's name."""


@dataclass
class Chunker:
    """Numbers the lines of one run, from `seq` on; lost lines take their numbers with them."""

    job_id: str
    attempt: int
    rank: int
    seq: int
    _segments: list[LogSegment] = field(default_factory=list)
    _texts: list[str] = field(default_factory=list)
    _count: int = 0
    _bytes: int = 0
    _lost: int = 0

    def chunks(self, pieces: Iterable[Lines | Lost]) -> Iterator[LogChunk]:
        """Chunks of all of these pieces, none of them over CHUNK_BYTES but for a single line."""
        for piece in pieces:
            if isinstance(piece, Lost):
                yield from self._close()
                self._lost += piece.count
                self.seq += piece.count
                continue
            for part in _parts(piece):
                size = len(part.text) * (1 if part.text.isascii() else 4)
                if self._bytes + size > CHUNK_BYTES:
                    yield from self._close()
                self._add(part, size)
        yield from self._close()

    def unfinished(self, texts: Mapping[int, str], time_ns: int) -> LogChunk:
        """What lines show that have not ended, after all that was chunked: it takes no number."""
        time = _moment(time_ns)
        return LogChunk(
            job_id=self.job_id,
            attempt=self.attempt,
            rank=self.rank,
            seq=self.seq,
            segments=(),
            text="",
            unfinished=tuple(
                LogUnfinished(stream=STREAMS[stream], time=time, text=text) for stream, text in sorted(texts.items())
            ),
        )

    def _add(self, part: Lines, size: int) -> None:
        time = _moment(part.time_ns)
        self._segments.append(LogSegment.of(stream=STREAMS[part.stream], time=time, count=part.count))
        self._texts.append(part.text)
        self._count += part.count
        self._bytes += size + 1

    def _close(self) -> Iterator[LogChunk]:
        if not self._segments and not self._lost:
            return
        yield LogChunk.of(
            job_id=self.job_id,
            attempt=self.attempt,
            rank=self.rank,
            seq=self.seq,
            segments=tuple(self._segments),
            text="\n".join(self._texts),
            lost=self._lost,
            unfinished=(),
        )
        self.seq += self._count
        self._segments, self._texts, self._count, self._bytes, self._lost = [], [], 0, 0, 0


def _moment(time_ns: int) -> datetime:
    return datetime.fromtimestamp(time_ns // 1_000_000 / 1000, UTC)


def _parts(lines: Lines) -> Iterator[Lines]:
    """The same lines in pieces of at most half a chunk, but for a single long line."""
    limit = CHUNK_BYTES // 8
    text = lines.text
    while len(text) > limit:
        end = text.rfind("\n", 0, limit)
        if end < 0:
            end = text.find("\n", limit)
        if end < 0:
            break
        yield Lines(lines.stream, lines.time_ns, text.count("\n", 0, end) + 1, text[:end])
        text = text[end + 1 :]
    yield Lines(lines.stream, lines.time_ns, text.count("\n") + 1, text)


def halves(chunk: LogChunk) -> tuple[LogChunk, LogChunk] | None:
    """The chunk as two of half as many lines, for text that grows when it is encoded; None for a single line."""
    lines = chunk.text.split("\n")
    if len(lines) < 2:
        return None
    middle = len(lines) // 2
    first, second = _split(chunk.segments, middle)
    return (
        chunk.model_copy(update={"segments": first, "text": "\n".join(lines[:middle])}),
        chunk.model_copy(
            update={"segments": second, "text": "\n".join(lines[middle:]), "seq": chunk.seq + middle, "lost": 0}
        ),
    )


def _split(segments: tuple[LogSegment, ...], count: int) -> tuple[tuple[LogSegment, ...], tuple[LogSegment, ...]]:
    """The segments of the first `count` lines, and of the rest."""
    first: list[LogSegment] = []
    second: list[LogSegment] = []
    for segment in segments:
        taken = min(segment.count, max(count, 0))
        if taken:
            first.append(segment.model_copy(update={"count": taken}))
        if segment.count > taken:
            second.append(segment.model_copy(update={"count": segment.count - taken}))
        count -= segment.count
    return tuple(first), tuple(second)
