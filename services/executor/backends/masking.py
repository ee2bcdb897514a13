"""Keeps a run's secrets out of its output, before a byte of it is stored: whatever reads the output never meets them.

The supervisor masks, since it lives as long as the run: no restart of the executor has to learn the values again, and
no disk ever holds them. Whole lines pass at once. An unfinished line, which no console shows yet, waits for its end,
so that a value is found however the command wrote it in pieces. Standard library only.
"""

import re
from collections.abc import Iterable

SHORTEST = 4
"""Characters; what is shorter would mask half of all output."""

MASK = b"***"
WAITING_BYTES = 262_144
"""An unfinished line that takes more is let go of, but for what the beginning of a value could be."""

_ENDS = re.compile(r"\r\n|\r|\n")


def hidden_in(values: Iterable[str]) -> tuple[str, ...]:
    """What must not be seen of these values: each line of them that is long enough, without the blanks around it."""
    lines = (line for value in values for line in _ENDS.split(value))
    found = {line.strip() if len(line.strip()) >= SHORTEST else line for line in lines if line.strip()}
    return tuple(sorted(text for text in found if len(text) >= SHORTEST))


class Mask:
    """One stream of a run."""

    def __init__(self, hidden: Iterable[str]) -> None:
        self._hidden = tuple(text.encode() for text in hidden)
        self._longest = max(map(len, self._hidden))
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """What can be shown by now."""
        data = self._rest + data
        whole = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        self._rest = data[whole:]
        shown = self._masked(data[:whole])
        return shown + self._let_go() if len(self._rest) > WAITING_BYTES else shown

    def flush(self) -> bytes:
        """What is left at the end of the stream."""
        rest, self._rest = self._rest, b""
        return self._masked(rest)

    def _let_go(self) -> bytes:
        """The unfinished line up to a place that no value reaches over."""
        end = len(self._rest) - self._longest
        for begin, stop in self._places(self._rest):
            if begin < end < stop:
                end = stop
        shown, self._rest = self._masked(self._rest[:end]), self._rest[end:]
        return shown

    def _masked(self, data: bytes) -> bytes:
        shown, position = [], 0
        for begin, end in self._places(data):
            shown += [data[position:begin], MASK]
            position = end
        return b"".join([*shown, data[position:]]) if position else data

    def _places(self, data: bytes) -> list[tuple[int, int]]:
        """Where values stand, in order; those that overlap or touch are one place."""
        found = []
        for text in self._hidden:
            begin = data.find(text)
            while begin >= 0:
                found.append((begin, begin + len(text)))
                begin = data.find(text, begin + 1)
        places: list[tuple[int, int]] = []
        for begin, end in sorted(found):
            if places and begin <= places[-1][1]:
                places[-1] = (places[-1][0], max(places[-1][1], end))
            else:
                places.append((begin, end))
        return places
