"""Which lines of a console have not ended, by what its chunks say: one rule for the logs service and the gateway.

What comes late or twice changes nothing: a text counts only if no line of its stream is known that has its number or a
higher one, and only the newest attempt is looked at.
"""

from collections.abc import Iterable, Iterator, Mapping

from shared.contracts.logs import LogLine, LogUnfinished, Stream

MOST = 32_768
"""Characters of all of them, each counted with LINE more: what every reader may be sent at each change."""
LINE = 128
"""About what a line takes beside its text."""


class UnfinishedLines:
    """The lines of one console that have not ended, the one that changed last at the end. Of more than MOST characters
    those that changed last.

    Each is told as a LogLine: its `seq` is the number that it gets if no other line of its rank ends before.
    """

    def __init__(self, lines: Iterable[LogLine] = ()) -> None:
        self._attempt = 0
        self._lines: dict[tuple[int, Stream], LogLine] = {}
        self._next: dict[tuple[int, Stream], int] = {}
        """From which number on something new can be said of a stream."""
        for line in lines:
            self._begin(line.attempt)
            self._lines[line.rank, line.stream] = line
            self._next[line.rank, line.stream] = line.seq

    def __iter__(self) -> Iterator[LogLine]:
        return iter(self._lines.values())

    def __bool__(self) -> bool:
        return bool(self._lines)

    def add(
        self, attempt: int, rank: int, seq: int, ends: Mapping[Stream, int], unfinished: Iterable[LogUnfinished]
    ) -> bool:
        """Take what a chunk says; whether anything is different now.

        seq: the number after the chunk's last line. ends: that of the last line of each stream.
        """
        if attempt < self._attempt:
            return False
        changed = self._begin(attempt)
        for stream, last in ends.items():
            key = (rank, stream)
            if last >= self._next.get(key, 0):
                self._next[key] = last + 1
                changed |= self._lines.pop(key, None) is not None
        for one in unfinished:
            key = (rank, one.stream)
            if seq < self._next.get(key, 0):
                continue
            self._next[key] = seq
            changed |= self._lines.pop(key, None) is not None
            if one.text:
                self._lines[key] = LogLine(
                    seq=seq, time=one.time, stream=one.stream, rank=rank, attempt=attempt, text=one.text
                )
                changed = True
        self._shed()
        return changed

    def clear(self) -> None:
        """The job is over."""
        self._lines.clear()

    def _shed(self) -> None:
        """Leave out those that changed first, until the others are few enough."""
        size = sum(len(line.text) + LINE for line in self._lines.values())
        while size > MOST:
            first = self._lines.pop(next(iter(self._lines)))
            size -= len(first.text) + LINE

    def _begin(self, attempt: int) -> bool:
        """An attempt that is new ends what the one before has left; whether there was such."""
        if attempt <= self._attempt:
            return False
        left = bool(self._lines)
        self._attempt = attempt
        self._lines.clear()
        self._next.clear()
        return left
