"""A run's whole output in pieces, for a download: the same lines that were shipped, however long ago.

A piece ends where whole lines end, but an unfinished line of the other stream may reach over that place. What is left
of it is remembered beside the place; a reader that comes back after it was forgotten is led there from the start.
"""

from collections import OrderedDict
from pathlib import Path

from services.executor.domain.lines import LineAssembler, Lines
from services.executor.output import OutputReader
from shared.contracts.commands.logs import LogPiece

PIECE_BYTES = 131_072
READ_BYTES = 65_536
REMEMBERED = 64


class Downloads:
    """Open downloads, by output file and place."""

    def __init__(self) -> None:
        self._carries: OrderedDict[tuple[Path, int], dict[int, bytes]] = OrderedDict()

    def piece(self, path: Path, offset: int, over: bool) -> LogPiece:
        """The lines from this place on; `over`: the run has ended, so an unfinished line is a line too."""
        reader = self._at(path, offset)
        texts: list[str] = []
        size = 0
        end = False
        while size < PIECE_BYTES:
            before = reader.offset
            lines = [piece for piece in reader.read(READ_BYTES + 64) if isinstance(piece, Lines)]
            texts += [piece.text + "\n" for piece in lines]
            size += sum(len(piece.text.encode()) for piece in lines)
            if reader.offset == before:
                end = True
                break
        if end and over:
            texts += [piece.text + "\n" for piece in reader.assembler.flush(0)]
        self._remember(path, reader)
        return LogPiece(text="".join(texts), next_offset=reader.offset, end=end)

    def _at(self, path: Path, offset: int) -> OutputReader:
        reader = OutputReader(path)
        carry = self._carries.get((path, offset)) if offset else {}
        if carry is not None:
            reader.offset, reader.assembler = offset, LineAssembler(dict(carry))
            return reader
        while reader.offset < offset:
            before = reader.offset
            reader.read(min(READ_BYTES + 64, offset - before))
            if reader.offset == before:
                break
        return reader

    def _remember(self, path: Path, reader: OutputReader) -> None:
        self._carries[path, reader.offset] = dict(reader.assembler.carry)
        if len(self._carries) > REMEMBERED:
            self._carries.popitem(last=False)
