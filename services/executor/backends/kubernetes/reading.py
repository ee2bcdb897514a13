"""One reading of a pod's log, from its first byte on: what the API server sends in, frames that are not stored yet out.

Secrets are masked here, before a byte is stored. A reading that goes on where another one ended has lines again that
are stored already; they pass through the mask as well, which so is in the state that it was in.
"""

from collections.abc import Iterable, Sequence

from services.executor.backends.frames import LOSS, LOST, STDERR, STDOUT, frame
from services.executor.backends.masking import Mask
from services.executor.domain.pod_log import Placed, Position, Resumption, Splitter

GAP = b"Lines are missing here, and nobody knows how many: the node had removed them before they could be read.\n"


class LogReading:
    """`position`: how far the log is stored."""

    def __init__(self, position: Position, hidden: Sequence[str]) -> None:
        self._splitter = Splitter()
        self._resumption = Resumption(position)
        self._mask = Mask(hidden) if hidden else None
        self._time_ns = position.time_ns
        self._stored: int | None = 0
        """How much of what the line shows is stored already; None: all of it."""

    @property
    def unreadable(self) -> int:
        """How many lines were none of the log."""
        return self._splitter.unreadable

    @property
    def waits(self) -> bool:
        """Whether something that has come is kept back until it is known whether it is new."""
        return self._resumption.waits

    def feed(self, data: bytes) -> bytes:
        placed = (placed for piece in self._splitter.feed(data) for placed in self._resumption.take(piece))
        return self._frames(placed)

    def settle(self) -> bytes:
        """Nothing more comes for now."""
        return self._frames(self._resumption.settle())

    def end(self) -> bytes:
        """Nothing more comes at all."""
        frames = self.settle()
        rest = self._new(self._mask.flush()) if self._mask is not None else b""
        return frames + frame(STDOUT, self._time_ns, rest) if rest else frames

    def _frames(self, pieces: Iterable[Placed]) -> bytes:
        frames = []
        for placed in pieces:
            piece = placed.piece
            if placed.after_gap:
                frames.append(frame(STDOUT | LOST, piece.time_ns, LOSS.pack(1, 0)))
                frames.append(frame(STDERR, piece.time_ns, GAP))
            if piece.begins:
                self._stored = placed.stored
                self._time_ns = piece.time_ns
            data = self._new(piece.data if self._mask is None else self._mask.feed(piece.data))
            if data:
                frames.append(frame(STDOUT, piece.time_ns, data))
        return b"".join(frames)

    def _new(self, shown: bytes) -> bytes:
        """What of it is not stored."""
        if self._stored is None:
            return b""
        known = min(self._stored, len(shown))
        self._stored -= known
        return shown[known:]
