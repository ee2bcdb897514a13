"""Chunks of console lines for tests: line n of a run has a text that names it."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from services.logs.chunks import arrival
from services.logs.domain.chunk import Arrival
from services.logs.domain.ring import Ring
from services.logs.stream import LogStream
from shared.contracts import subjects
from shared.contracts.logs import LogChunk, LogLine, LogSegment, LogUnfinished, Stream

JOB = "01JD0000000000000000000000"
START = datetime(2026, 11, 23, 23, 12, 50, tzinfo=UTC)


def text_of(attempt: int, rank: int, seq: int) -> str:
    """Some lines are long, empty, or full of what JSON has to escape."""
    marks = ("", '"quoted" \\ back', "\x1b[31mred\x1b[0m\t", "état 漢字 🙂", "x" * 300)
    return "" if seq % 11 == 0 else f"{attempt}.{rank}.{seq} {marks[seq % len(marks)]}"


def chunk_of(
    seq: int, count: int, *, job_id: str = JOB, attempt: int = 1, rank: int = 0, lost: int = 0, streams: int = 1
) -> LogChunk:
    """Lines `seq` to `seq + count - 1`, in up to `streams` segments of stdout and stderr by turns."""
    cuts = sorted({count * part // streams for part in range(streams + 1)})
    segments = tuple(
        LogSegment(
            stream=Stream.STDERR if number % 2 else Stream.STDOUT,
            time=START + timedelta(milliseconds=seq + begin),
            count=end - begin,
        )
        for number, (begin, end) in enumerate(pairwise(cuts))
    )
    text = "\n".join(text_of(attempt, rank, number) for number in range(seq, seq + count))
    return LogChunk(job_id=job_id, attempt=attempt, rank=rank, seq=seq, segments=segments, text=text, lost=lost)


def unfinished_at(
    seq: int, text: str, *, job_id: str = JOB, attempt: int = 1, rank: int = 0, stream: Stream = Stream.STDOUT
) -> LogChunk:
    """What stands in the line to come, whose number would be `seq`."""
    unfinished = (LogUnfinished(stream=stream, time=START, text=text),)
    return LogChunk(job_id=job_id, attempt=attempt, rank=rank, seq=seq, segments=(), text="", unfinished=unfinished)


def texts_of(lines: Iterable[LogLine] | None) -> list[str]:
    """What stands in them."""
    return [line.text for line in lines or ()]


def lines_of(*chunks: LogChunk) -> list[LogLine]:
    """All lines of the chunks in order."""
    return [line for chunk in chunks for line in chunk.lines()]


def arrived(chunk: LogChunk) -> Arrival:
    """The chunk as the log service reads it from the stream."""
    found = arrival(subjects.log(chunk.job_id), chunk.model_dump_json().encode())
    assert isinstance(found, Arrival)
    return found


def ring_of(*chunks: LogChunk) -> Ring:
    """A ring that got these chunks at positions from 1."""
    ring = Ring(JOB)
    for sequence, chunk in enumerate(chunks, 1):
        ring.add(sequence, arrived(chunk))
    return ring


class StreamOf(LogStream):
    """A LOGS stream made at `created` that ends at `end`; every job has its last chunk there."""

    def __init__(self, created: str, end: int) -> None:
        self.created = created
        self.end = end

    async def state(self) -> tuple[str, int]:
        return self.created, self.end

    async def needed(self, job_id: str, position: int, timeout_s: float) -> int:
        return self.end if position < self.end else 0
