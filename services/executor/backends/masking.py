"""Keeps a run's secrets out of its output, before a byte of it is stored: whatever reads the output never meets them.

The supervisor masks, since it lives as long as the run: no restart of the executor has to learn the values again, and
no disk ever holds them. All passes at once but for what could be the beginning of a value, which waits for what comes
after it: so a value is found however the command wrote it in pieces, and a line that has not ended shows no half of
one. Standard library only.
"""

from collections.abc import Iterable

from shared.contracts.masking import places

MASK = b"***"


class Mask:
    """One stream of a run. It never holds as much as the longest value takes."""

    def __init__(self, hidden: Iterable[str]) -> None:
        self._hidden = tuple(text.encode() for text in hidden)
        self._rest = b""
        self._masked: int | None = None
        """How much of the rest belongs to a place whose mask was shown; none: the last byte shown was the command's."""

    def feed(self, data: bytes) -> bytes:
        """What can be shown by now."""
        data = self._rest + data
        return self._show(data, self._begun(data))

    def flush(self) -> bytes:
        """What is left at the end of the stream."""
        return self._show(self._rest, len(self._rest))

    def _show(self, data: bytes, end: int) -> bytes:
        """The data up to `end`, with the mask for each place that begins before; the rest waits."""
        shown: list[bytes] = []
        position = 0
        found = places(data, self._hidden)
        if self._masked is not None:
            position = self._masked
            while found and found[0][0] <= position:
                position = max(position, found.pop(0)[1])
        for begin, stop in found:
            if begin >= end:
                break
            shown += [data[position:begin], MASK]
            position = stop
        shown.append(data[position:end])
        inside = position >= end and (end > 0 or self._masked is not None)
        self._masked = position - end if inside else None
        self._rest = data[end:]
        return b"".join(shown)

    def _begun(self, data: bytes) -> int:
        """Where the first value begins whose end may be still to come; the end of the data if there is none."""
        first = len(data)
        for value in self._hidden:
            at = data.find(value[:1], max(0, len(data) - len(value) + 1), first)
            while at >= 0:
                if value.startswith(data[at:]):
                    first = at
                    break
                at = data.find(value[:1], at + 1, first)
        return first
