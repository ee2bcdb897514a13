"""What came for a reader of a console since it was last told: the newest lines, and how many are left out.

However much comes and however long the reader takes, this holds at most MOST_LINES lines of about MOST_CHARS. Every
line that came is shown, counted in a gap, or counted in `skipped`, once. Of lines that have not ended only how
they look last is told.
"""

from collections import deque
from dataclasses import replace
from itertools import chain

from services.gateway.domain.console import News, member
from shared.contracts.logs import LINES_KEPT, LogLine

MOST_LINES = LINES_KEPT
MOST_CHARS = 4 << 20
"""Lines may have 16 KiB each: of such ones the newest that fit are kept, and one chunk at least."""


class Pending:
    """Takes chunks as they come, and gives what is to be told of them as one event. False while that is nothing."""

    def __init__(self) -> None:
        self._news: deque[News] = deque()
        self._lines = 0
        self._chars = 0
        self._skipped = 0
        self._unfinished: tuple[LogLine, ...] | None = None
        self.position = 0
        """Where in the stream the last chunk stands that was added."""

    def __bool__(self) -> bool:
        return bool(self._news) or self._unfinished is not None

    def add(self, news: News, position: int) -> None:
        """A chunk that came; older lines than the newest are left out for it."""
        self.position = position
        if news.unfinished is not None:
            self._unfinished = news.unfinished
        if not news:
            return
        self._news.append(news)
        self._lines += news.lines
        self._chars += news.chars
        while self._is_enough_without_the_first():
            self._leave_out(self._news[0].lines)
        if self._lines > MOST_LINES:
            self._leave_out(self._lines - MOST_LINES)

    def take(self) -> bytes:
        """The JSON of one LogTail of all this; from now on it is told."""
        lines = ",".join(chain.from_iterable(news.rows() for news in self._news))
        gaps = ",".join(news.gap.model_dump_json() for news in self._news if news.gap)
        data = f'{{"lines":[{lines}],"gaps":[{gaps}],"skipped":{self._skipped}{member(self._unfinished)}}}'
        self._news.clear()
        self._unfinished = None
        self._lines = self._chars = self._skipped = 0
        return data.encode()

    def _is_enough_without_the_first(self) -> bool:
        first = self._news[0]
        return len(self._news) > 1 and (
            self._lines - first.lines >= MOST_LINES
            or self._chars - first.chars >= MOST_CHARS
            or len(self._news) > MOST_LINES
        )

    def _leave_out(self, count: int) -> None:
        """So many of the oldest chunk's lines, and what was lost before them."""
        first = self._news.popleft()
        self._skipped += count + (first.gap.lost if first.gap else 0)
        self._lines -= count
        if count == first.lines:
            self._chars -= first.chars
        else:
            self._news.appendleft(replace(first, skipped=first.skipped + count, gap=None))
