"""A pod's log as the API server gives it, told apart into what is stored already and what is new: pure.

Each line comes with the moment at which it was written. A log that is read again begins at a whole second, with lines
that are known. They are dropped up to the last one that was stored, and of that as much as was stored: a line may have
been cut off in its middle. If it does not come again, what lies between is lost, and nobody knows how much that was.

A line without an end is passed on in pieces, as it comes. Nothing here grows with what a job prints.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

_SECOND_NS = 1_000_000_000
STAMP_BYTES = 64
"""No moment is as long in writing."""
PIECE_BYTES = 200
"""What a piece takes beside its text, roughly."""
WAITING_BYTES = 1 << 20
"""What is kept at most of a log whose place is not found yet."""


@dataclass(frozen=True)
class Piece:
    """Of one line: all of it, or as much as has come. Its end has the line feed, unless the log ends there."""

    time_ns: int
    """The moment of the line."""
    data: bytes
    begins: bool = True
    """Whether it is the line's first."""


@dataclass(frozen=True)
class Position:
    """How far a log is stored: the moment of its last line, the how-manyth of that moment, and how much of it."""

    time_ns: int = 0
    lines: int = 0
    stored: int = 0
    ended: bool = True

    def after(self, time_ns: int, data: bytes) -> "Position":
        """These bytes are stored as well."""
        ended = data.endswith(b"\n")
        if time_ns != self.time_ns:
            return Position(time_ns, 1, len(data), ended)
        if self.ended:
            return Position(time_ns, self.lines + 1, len(data), ended)
        return Position(time_ns, self.lines, self.stored + len(data), ended)

    @property
    def since(self) -> str | None:
        """What to ask for, as the API server cuts it: whole seconds. None: everything."""
        if not self.time_ns:
            return None
        return datetime.fromtimestamp(self.time_ns // _SECOND_NS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Splitter:
    """Of one answer of the API server: bytes as they arrive, in, pieces of lines out."""

    def __init__(self) -> None:
        self.unreadable = 0
        """How many lines were none of the log: what the node says of itself when it fails."""
        self._head = b""
        self._inside: int | None = None
        """The moment of the line that has not ended."""
        self._skipping = False

    def feed(self, data: bytes) -> Iterator[Piece]:
        if self._inside is not None or self._skipping:
            end = data.find(b"\n") + 1
            rest = data[:end] if end else data
            if self._inside is not None and rest:
                yield Piece(self._inside, rest, begins=False)
            if not end:
                return
            self._inside, self._skipping, data = None, False, data[end:]
        *lines, rest = (self._head + data).split(b"\n")
        self._head = b""
        for line in lines:
            if (piece := self._parsed(line + b"\n")) is not None:
                yield piece
        yield from self._begun(rest)

    def _begun(self, rest: bytes) -> Iterator[Piece]:
        """A line whose end is still to come."""
        stamp, _, text = rest.partition(b" ")
        if text:
            piece = self._parsed(rest)
            self._skipping = piece is None
            if piece is not None:
                self._inside = piece.time_ns
                yield piece
        elif len(stamp) > STAMP_BYTES:
            self.unreadable += 1
            self._skipping = True
        else:
            self._head = rest

    def _parsed(self, line: bytes) -> Piece | None:
        try:
            return parse(line)
        except ValueError:
            self.unreadable += 1
            return None


@dataclass(frozen=True)
class Placed:
    """A piece, and with the first one of a line what is known of that."""

    piece: Piece
    stored: int | None = 0
    """How many bytes of what the line shows are stored; None: all of it."""
    after_gap: bool = False


class Resumption:
    """Finds the place in a log that is read again.

    The log is in the order in which its lines were stored, and that is nearly their order in time: two streams are
    stamped by themselves. So what is past the last stored moment waits for the last stored line, for a second.
    """

    def __init__(self, position: Position) -> None:
        self._last = position
        self._left = position.lines
        self._found = not position.time_ns
        self._waiting: list[Piece] = []
        self._waiting_bytes = 0

    @property
    def waits(self) -> bool:
        """Whether something has come of which it is not known yet whether it is new."""
        return bool(self._waiting)

    def take(self, piece: Piece) -> Iterator[Placed]:
        if self._found:
            yield Placed(piece)
        elif piece.time_ns > self._last.time_ns:
            self._waiting.append(piece)
            self._waiting_bytes += len(piece.data) + PIECE_BYTES
            if self._waiting_bytes > WAITING_BYTES or piece.time_ns > self._last.time_ns + _SECOND_NS:
                yield from self.settle()
        else:
            yield Placed(piece, self._known(piece))

    def settle(self) -> Iterator[Placed]:
        """No line is waited for any more: what has waited is new, and follows on something that is lost."""
        waiting, self._waiting = self._waiting, []
        self._found = self._found or bool(waiting)
        for number, piece in enumerate(waiting):
            yield Placed(piece, after_gap=number == 0)

    def _known(self, piece: Piece) -> int | None:
        """How much is stored of what is not past the last stored moment. The last stored line ends the search."""
        if not piece.begins or piece.time_ns != self._last.time_ns:
            return None
        self._left -= 1
        if self._left:
            return None
        self._found = True
        self._waiting.clear()  # it stands before the last stored line, and so is stored
        return self._last.stored


def parse(line: bytes) -> Piece:
    """`2026-11-28T16:00:00.123456789Z text`. Raises ValueError for what is no line of a log."""
    stamp, _, data = line.partition(b" ")
    return Piece(_nanoseconds(stamp.decode("ascii")), data)


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
