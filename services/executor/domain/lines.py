"""From the bytes of a run's streams to the lines of its console, as a terminal would show them.

LF or CRLF ends a line; a lone CR goes back to its beginning, and what follows overwrites it (`row.py`); a line over
LINE_BYTES is cut; invalid UTF-8 is replaced. Ordinary output takes a path without any work per line: a whole piece is
decoded at once and its line feeds are counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from services.executor.domain.row import WIDTH, Row, without_beginning
from shared.contracts.logs import CUT, LINE_BYTES, UNFINISHED_CHARS

CARRY_BYTES = 4 * LINE_BYTES
"""An unfinished line that takes more than this is brought to its shortest form."""


@dataclass(frozen=True)
class Lines:
    """Whole lines that one stream ended at one moment, joined by line feeds."""

    stream: int
    time_ns: int
    count: int
    text: str


@dataclass(frozen=True)
class Lost:
    """Lines that could not be stored at this place."""

    count: int


@dataclass
class LineAssembler:
    """Both streams of one run. `carry` holds the unfinished line of each, as bytes that mean the same."""

    carry: dict[int, bytes] = field(default_factory=dict)

    def feed(self, stream: int, time_ns: int, data: bytes) -> Lines | None:
        """The lines that this piece ends, if it ends any."""
        end = data.rfind(b"\n")
        if end < 0:
            self.carry[stream] = _shortest(self.carry.get(stream, b"") + data)
            return None
        whole = self.carry.get(stream, b"") + data[:end]
        self.carry[stream] = _shortest(data[end + 1 :])
        return Lines(stream, time_ns, whole.count(b"\n") + 1, _render(whole))

    def lose(self, stream: int, lines: int) -> Lost | None:
        """Part of the stream is missing here; an unfinished line was ended by the first of the lost line feeds."""
        if not lines:
            return None
        self.carry.pop(stream, None)
        return Lost(lines)

    def flush(self, time_ns: int) -> Iterator[Lines]:
        """The unfinished lines, as the end of the run leaves them."""
        for stream, rest in sorted(self.carry.items()):
            if rest:
                yield Lines(stream, time_ns, 1, _render(rest))
        self.carry.clear()


def unfinished(rest: bytes) -> str:
    """What a line shows that has not ended: its end, where that is more than UNFINISHED_CHARS."""
    line = without_beginning(rest[: len(rest) - _unfinished_character(rest)].decode("utf-8", "replace"))
    if "\x1b" in line:
        return Row(line).end(UNFINISHED_CHARS)
    return _overwritten(line)[-UNFINISHED_CHARS:]


def _render(whole: bytes) -> str:
    """Lines without the last one's end, as text."""
    if b"\r" in whole:
        whole = whole.removesuffix(b"\r").replace(b"\r\n", b"\n")
    if b"\r" in whole or _has_long_line(whole):
        return "\n".join(_cut(_overwritten(line.decode("utf-8", "replace"))) for line in whole.split(b"\n"))
    return whole.decode("utf-8", "replace")


def _has_long_line(whole: bytes) -> bool:
    """Whether a line takes more than LINE_BYTES, looking at one place in so many bytes only."""
    position = 0
    while len(whole) - position > LINE_BYTES:
        end = whole.rfind(b"\n", position, position + LINE_BYTES + 1)
        if end < 0:
            return True
        position = end + 1
    return False


def _overwritten(line: str) -> str:
    """The line after its carriage returns: at each place the last character that was written there.

    Without escape sequences that needs no row: the parts are read from the last to the first, so that a line of a
    million carriage returns takes one pass.
    """
    if "\r" not in line:
        return line
    if "\x1b" in line:
        return Row(line).shown()
    shown: list[str] = []
    covered = 0
    for part in reversed(line.split("\r")):
        if len(part) > covered:
            shown.append(part[covered:])
            covered = len(part)
    return "".join(shown)


def _cut(line: str) -> str:
    encoded = line.encode()
    if len(encoded) <= LINE_BYTES:
        return line
    return encoded[:LINE_BYTES].decode("utf-8", "ignore") + CUT


def _shortest(rest: bytes) -> bytes:
    """An unfinished line in few bytes that mean the same.

    What may be the beginning of a character or of an escape sequence stays at the end as it is.
    """
    if len(rest) <= CARRY_BYTES:
        return rest
    tail = _unfinished_character(rest)
    line = rest[: len(rest) - tail].decode("utf-8", "replace")
    if "\x1b" in line:
        whole = without_beginning(line)
        short = Row(whole).again(CARRY_BYTES) + line[len(whole) :]
    else:
        cursor = len(line) - line.rfind("\r") - 1
        shown = _overwritten(line)[:WIDTH]
        short = shown + ("\r" + shown[:cursor] if cursor < len(shown) else "")
    return short.encode() + rest[len(rest) - tail :]


def _unfinished_character(data: bytes) -> int:
    """How many bytes at the end begin a UTF-8 character that is not whole."""
    for back in range(1, min(3, len(data)) + 1):
        byte = data[-back]
        if byte >= 0xC0:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if back < length else 0
        if byte < 0x80:
            return 0
    return 0
