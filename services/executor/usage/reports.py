"""Reads what runs report from their files, which are the runs' own: a run may delete its file, cut it, put a link, a
pipe or a folder in its place, or fill it faster than anybody reads.

So only regular files are read, without waiting, and a bounded piece in one look. Lines are read in their order, so that
a value that is reported once among many fast ones is found; only when more waits than `WAITING_BYTES`, all but the
newest piece is passed over, and its lines are counted.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from shared.contracts.base import Contract

READ_BYTES = 64 << 10
"""Of one file in one look, before the last: hundreds of lines a second while a run is young, a hundred later."""
WAITING_BYTES = 4 << 20
"""What may wait for later looks. The last look takes so much at once."""
COUNTED_BYTES = 64 << 20
"""What a look passes over is counted in lines, up to here; all beyond counts as one."""
LINE_BYTES = 32 << 10
"""A longer line is not read, and counts as one. Less than a look reads, so that each look gets on."""
_PIECE = 1 << 20


class Position(Contract):
    """How far a file has been read. `within`: up to there, a line that is passed over has not ended yet."""

    inode: Annotated[int, Field(ge=0, lt=1 << 64)] = 0
    offset: Annotated[int, Field(ge=0, lt=1 << 63)] = 0
    within: bool = False


@dataclass(frozen=True)
class Look:
    """New whole lines, how many were passed over, and where the next look begins."""

    position: Position
    lines: tuple[bytes, ...] = ()
    passed_over: int = 0


def look(path: Path, position: Position, last: bool = False) -> Look:
    """What follows the position. `last`: nothing comes after it, so that a line without its end is whole as well."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):  # opening a device may do something
            return Look(position)
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # not there, or not for us
        return Look(position)
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            return Look(position)
        if status.st_ino != position.inode or status.st_size < position.offset:
            position = Position(inode=status.st_ino)
        return _look(file, status.st_size, position, last)
    except OSError:
        return Look(position)
    finally:
        os.close(file)


def _look(file: int, size: int, position: Position, last: bool) -> Look:
    start, within, passed_over = position.offset, position.within, 0
    budget = WAITING_BYTES if last else READ_BYTES
    if size - start > WAITING_BYTES:
        passed_over, within = _passed(file, start, size - budget)
        start = size - budget
    data = os.pread(file, min(size - start, budget), start)
    end = start + len(data)
    if within:
        _, ended, data = data.partition(b"\n")
        if not ended:
            return Look(_at(position, end, within=not last), (), passed_over + last)
        passed_over += 1
    *lines, rest = data.split(b"\n")
    if last and rest:
        lines, rest = [*lines, rest], b""
    within = len(rest) > LINE_BYTES
    short = tuple(line for line in lines if len(line) <= LINE_BYTES)
    passed_over += len(lines) - len(short)
    return Look(_at(position, end if within else end - len(rest), within), short, passed_over)


def _at(position: Position, offset: int, within: bool) -> Position:
    return Position(inode=position.inode, offset=offset, within=within)


def _passed(file: int, start: int, end: int) -> tuple[int, bool]:
    """How many lines end between the two offsets, and whether one goes on beyond."""
    first = max(start, end - COUNTED_BYTES)
    count = int(first > start)
    for offset in range(first, end, _PIECE):
        count += os.pread(file, min(_PIECE, end - offset), offset).count(b"\n")
    return count, os.pread(file, 1, end - 1) != b"\n"
