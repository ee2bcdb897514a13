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
    """Tells the lines that are new from those that come again.

    The log is in the order in which its lines were stored, and that is nearly their order in time: two streams are
    stamped by themselves. So what is past the last stored moment waits for the last stored line, for a second.
    """

    def __init__(self, position: Position) -> None:
        self._last = position.time_ns
        self._left = position.lines
        self._waiting: list[LogLine] | None = [] if position.time_ns else None

    def take(self, line: LogLine) -> tuple[list[LogLine], bool]:
        """(the lines that are new by now, whether something before them is lost)."""
        if self._waiting is None:
            return [line], False
        if line.time_ns == self._last:
            self._left -= 1
            if self._left <= 0:  # what has waited stands before it, and so is stored
                self._waiting = None
            return [], False
        if line.time_ns < self._last:
            return [], False
        self._waiting.append(line)
        return self.settle() if line.time_ns > self._last + _SECOND_NS else ([], False)

    def settle(self) -> tuple[list[LogLine], bool]:
        """No line comes any more: what has waited is new, and follows on something that is lost."""
        waiting, self._waiting = self._waiting or [], None
        return waiting, bool(waiting)


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
