"""Console output: how a run's lines travel (`LogChunk`), and how they are shown (`LogLine`, `LogGap`).

Line numbers (`seq`) are given by the executor, once, for each rank, and run on over a job's attempts, so every reader
of the stream sees the same numbers without asking anybody.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from shared.contracts.base import Attempt, Contract, JobId, Timestamp

LINES_KEPT = 2000
"""The ring: the last lines of every job."""

LINE_BYTES = 16_384
"""A longer line is cut there, with `CUT` as its end, and the rest of it is dropped."""

CUT = " [... cut at 16 KiB]"

CHUNK_BYTES = 262_144
"""The most a chunk's text may take."""


class Stream(StrEnum):
    STDOUT = "stdout"
    STDERR = "stderr"


class LogSegment(Contract):
    """Neighbouring lines that were read from one stream at one moment."""

    stream: Stream
    time: Timestamp
    count: Annotated[int, Field(ge=1)]


class LogChunk(Contract):
    """Lines of one run in order; `text` joins them with line feeds, without one at the end."""

    job_id: JobId
    attempt: Attempt
    rank: Annotated[int, Field(ge=0)] = 0
    seq: Annotated[int, Field(ge=1, description="Number of the first line among its rank's.")]
    segments: tuple[LogSegment, ...]
    text: str
    lost: Annotated[int, Field(ge=0, description="Lines lost just before the first one; they are numbered.")] = 0

    @property
    def count(self) -> int:
        return sum(segment.count for segment in self.segments)

    def lines(self) -> "Iterator[LogLine]":
        """Each line with its number, time, stream, rank and attempt."""
        texts = iter(self.text.split("\n"))
        seq = self.seq
        for segment in self.segments:
            for _ in range(segment.count):
                yield LogLine.of(
                    seq=seq,
                    time=segment.time,
                    stream=segment.stream,
                    rank=self.rank,
                    attempt=self.attempt,
                    text=next(texts),
                )
                seq += 1


class LogLine(Contract):
    seq: int
    time: Timestamp
    stream: Stream
    rank: int
    attempt: Attempt
    text: str


class LogGap(Contract):
    """Lines that are missing after line `after_seq` of a rank (0: before the first)."""

    after_seq: int
    lost: int
    rank: Annotated[int, Field(ge=0)] = 0
