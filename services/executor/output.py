"""Reads the file that a run's output is kept in: frames in, lines out, from any place on."""

from pathlib import Path

from services.executor.backends.frames import LOSS, LOST, split
from services.executor.domain.lines import LineAssembler, Lines, Lost

READ_BYTES = 1 << 20
MOST_LOST = 1 << 31
"""Lines of one loss: a run that can write its own output may not make numbers that nobody else can hold."""


class OutputReader:
    """Turns an `output` file into lines, piece by piece."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.offset = 0
        self.assembler = LineAssembler()

    def is_behind(self) -> bool:
        """The file has more than was read. One that cannot be looked at is to be read, which says why it cannot."""
        try:
            return self._path.stat().st_size > self.offset
        except FileNotFoundError:
            return False
        except OSError:
            return True

    def read(self, size: int = READ_BYTES) -> list[Lines | Lost]:
        """The lines that end in the next whole frames; `offset` goes on. Raises OSError but for a missing file."""
        try:
            with self._path.open("rb") as file:
                file.seek(self.offset)
                data = file.read(size)
        except FileNotFoundError:
            return []
        frames, taken = split(data)
        self.offset += taken
        pieces = [self._piece(*frame) for frame in frames]
        return [piece for piece in pieces if piece is not None]

    def _piece(self, kind: int, time_ns: int, data: bytes) -> Lines | Lost | None:
        if kind & LOST:
            return self.assembler.lose(kind & ~LOST, min(LOSS.unpack(data)[0], MOST_LOST))
        return self.assembler.feed(kind, time_ns, data)
