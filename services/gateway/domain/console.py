"""What a reader of a console has seen: which lines of a chunk are new, and which are missing before it."""

from shared.contracts.logs import LogChunk, LogGap, LogLine

Run = tuple[int, int]
"""(attempt, rank): lines are numbered without holes within one."""


class Seen:
    """The last line of each run that one reader got. A chunk that comes twice is shown once; a jump is a gap."""

    def __init__(self) -> None:
        self._last: dict[Run, int] = {}

    def note(self, line: LogLine) -> None:
        """The reader got this line in another way, from the tail."""
        run = (line.attempt, line.rank)
        self._last[run] = max(line.seq, self._last.get(run, 0))

    def add(self, chunk: LogChunk) -> tuple[list[LogLine], LogGap | None]:
        """What the reader has not seen of this chunk, and what is missing before it."""
        run = (chunk.attempt, chunk.rank)
        last = self._last.get(run)
        jump = 0 if last is None else max(chunk.seq - last - 1, 0)
        repeated = last is not None and chunk.seq <= last
        lost = 0 if repeated else max(jump, chunk.lost)
        self._last[run] = max(chunk.seq + chunk.count - 1, last or 0)
        lines = [line for line in chunk.lines() if last is None or line.seq > last]
        gap = LogGap(after_seq=chunk.seq - 1 - jump, lost=lost) if lost else None
        return lines, gap
