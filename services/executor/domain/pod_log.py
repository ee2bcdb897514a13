"""The lines of a pod's log as the API server gives them: each with the moment at which it was written.

A log that is read again begins at a whole second, with lines that are known already. They are dropped up to the last
one that was stored; if that one does not come again, what lies between is lost, and nobody knows how much that was.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

_SECOND_NS = 1_000_000_000


@dataclass(frozen=True)
class LogLine:
    """`data` with its line feed, which only the last line of all may lack."""

    time_ns: int
    data: bytes


@dataclass(frozen=True)
class Position:
    """How far the log is stored: the moment of its last line, and how many lines of that very moment."""

    time_ns: int = 0
    lines: int = 0

    def after(self, time_ns: int) -> "Position":
        """One more line is stored."""
        return Position(time_ns, self.lines + 1 if time_ns == self.time_ns else 1)

    @property
    def since(self) -> str | None:
        """What to ask for, as the API server cuts it: whole seconds. None: everything."""
        if not self.time_ns:
            return None
        return datetime.fromtimestamp(self.time_ns // _SECOND_NS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse(line: bytes) -> LogLine:
    """`2026-11-28T16:00:00.123456789Z text`. Raises ValueError for what is no line of a log."""
    stamp, _, data = line.partition(b" ")
    return LogLine(_nanoseconds(stamp.decode("ascii")), data)


class Resumption:
    """Decides of each line that comes again whether it is new."""

    def __init__(self, position: Position) -> None:
        self._last = position.time_ns
        self._left = position.lines
        self._found = not position.time_ns

    def take(self, line: LogLine) -> tuple[bool, bool]:
        """(whether the line is new, whether something before it is lost)."""
        if self._found:
            return True, False
        if line.time_ns < self._last:
            return False, False
        if line.time_ns == self._last:
            self._left -= 1
            self._found = self._left <= 0
            return False, False
        lost = self._left > 0
        self._found = True
        return True, lost


def _nanoseconds(stamp: str) -> int:
    """RFC 3339 with up to nine digits after the point, in UTC or with an offset."""
    base, point, rest = stamp.partition(".")
    if not point:
        return int(datetime.fromisoformat(stamp).timestamp()) * _SECOND_NS
    digits = rest.rstrip("Z")
    zone = "+00:00"
    for sign in "+-":
        if sign in digits:
            digits, _, offset = digits.partition(sign)
            zone = sign + offset
    whole = int(datetime.fromisoformat(base + zone).timestamp())
    return whole * _SECOND_NS + int(digits.ljust(9, "0")[:9])
