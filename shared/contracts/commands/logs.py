"""A job's console: its last lines, and its whole output."""

from typing import Annotated

from pydantic import Field

from shared.contracts.base import Attempt, Contract, JobId
from shared.contracts.commands.command import Command
from shared.contracts.endpoints import Rank
from shared.contracts.logs import LINES_KEPT, LogChunk, LogGap, LogLine


class TailLog(Contract):
    """The last `tail` lines that are kept, or what came after message `after` of the LOGS stream."""

    job_id: JobId
    tail: Annotated[int, Field(ge=1, le=LINES_KEPT)] = LINES_KEPT
    after: Annotated[int, Field(ge=0, description="Stream sequence; 0: the whole ring.")] = 0
    before_seq: Annotated[int | None, Field(description="Only what stands before this line: the page before.")] = None
    before_rank: Annotated[Rank, Field(description="The rank that this line is of.")] = 0
    rank: Annotated[Rank | None, Field(description="Only lines of this rank; none: of all.")] = None


class LogPage(Contract):
    """The newest lines that fit in a message; `more` says that older ones of the same tail were left out.

    Chunks travel as they were published, so that nobody decodes and encodes lines on the way; `lines` reads them.
    """

    chunks: tuple[Annotated[str, Field(description="The JSON of a LogChunk.")], ...]
    gaps: tuple[LogGap, ...] = ()
    more: bool = False
    position: Annotated[int, Field(description="Stream sequence up to which this is complete.")] = 0

    @property
    def lines(self) -> tuple[LogLine, ...]:
        """The page's lines, oldest first."""
        return tuple(line for chunk in self.chunks for line in LogChunk.model_validate_json(chunk).lines())


class ReadLog(Contract):
    """A piece of the whole output of one rank of a run, as the executor keeps it."""

    job_id: JobId
    attempt: Attempt
    rank: Rank = 0
    offset: Annotated[int, Field(ge=0)] = 0


class LogPiece(Contract):
    text: str
    next_offset: int
    end: bool


TAIL_LOG = Command("cmd.logs.tail.v1", TailLog, LogPage, "The last lines of a job's console.")


TAIL_PARTITION = Command(
    "cmd.logs.tail_partition.v1", TailLog, LogPage, "The same, of whoever has the job's partition."
)


READ_LOG = Command("cmd.executor.read_log.v1", ReadLog, LogPiece, "A run's whole output, on its node.")
