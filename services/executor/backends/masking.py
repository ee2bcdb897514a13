"""Keeps a run's secrets out of its output, before a byte of it is stored: whatever reads the output never meets them.

The supervisor masks, since it lives as long as the run: no restart of the executor has to learn the values again, and
no disk ever holds them. Whole lines pass at once. An unfinished line, which no console shows yet, waits for its end,
so that a value is found however the command wrote it in pieces. Standard library only.
"""

from collections.abc import Iterable

from shared.contracts.masking import masked, places

MASK = b"***"
WAITING_BYTES = 262_144
"""An unfinished line that takes more is let go of, but for what the beginning of a value could be."""


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
        for begin, stop in places(self._rest, self._hidden):
            if begin < end < stop:
                end = stop
        shown, self._rest = self._masked(self._rest[:end]), self._rest[end:]
        return shown

    def _masked(self, data: bytes) -> bytes:
        return masked(data, self._hidden, MASK)
