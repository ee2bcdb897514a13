"""What `npu-smi` prints, read: the table of `npu-smi info` and the mapping of `npu-smi info -m`.

The tool has no form for machines, and its table differs by version and model: a 910 has HBM beside its memory, a 310
has a column Device, one with two chips Phy-ID. So columns are found by their headings, and whatever cannot be read
(`NA`, `-`, an error's line) is one missing figure and not the end of the table.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from services.executor.domain.figures import Figures

_MIB = 1 << 20
_PAIR = re.compile(r"(\S+?)\s*/\s*(\S+)")

Chip = tuple[int, int]
"""(NPU id, chip id), by which npu-smi knows it."""


@dataclass(frozen=True)
class Mapped:
    """One chip that computes. `number`: the logical id, which ASCEND_RT_VISIBLE_DEVICES takes."""

    chip: Chip
    number: int
    name: str


def mapping(text: str) -> tuple[Mapped, ...]:
    """The rows of `npu-smi info -m`, without the management chips, which have no logical id."""
    rows: list[Mapped] = []
    columns = 4
    for line in text.splitlines():
        if "Chip Logic ID" in line:
            columns = 5 if "Phy-ID" in line else 4
            continue
        words = line.split(maxsplit=columns - 1)
        if len(words) == columns and all(word.isdecimal() for word in words[:3]):
            npu, chip, number = map(int, words[:3])
            rows.append(Mapped((npu, chip), number, words[-1].strip()))
    return tuple(rows)


def figures(text: str) -> dict[Chip, Figures]:
    """The use of each chip in the table of `npu-smi info`."""
    found: dict[Chip, Figures] = {}
    has_hbm = False
    npu: int | None = None
    for cells in _rows(text):
        if cells is None:  # the end of one NPU's rows
            npu = None
        elif "AICore" in cells[-1]:
            has_hbm = "HBM" in cells[-1]
        elif (number := _first(cells[0])) is None:
            continue
        elif npu is None:
            npu = number
        else:
            found[npu, number] = _figures(cells[-1], has_hbm)
    return found


def _rows(text: str) -> Iterator[list[str] | None]:
    """The cells of each row; None between two NPUs. The second table, of processes, is none of ours."""
    for line in (line.strip() for line in text.splitlines()):
        if "Process id" in line:
            return
        if line.startswith("+"):
            yield None
        elif line.startswith("|"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if len(cells) == 3:
                yield cells


def _figures(cell: str, has_hbm: bool) -> Figures:
    """AICore(%), then used / total of the memory, then of the HBM, in MiB."""
    use, _, rest = cell.partition(" ")
    pairs = [(_number(used), _number(total)) for used, total in _PAIR.findall(rest)]
    memory = pairs[1] if has_hbm and len(pairs) > 1 and pairs[1][1] else pairs[0] if pairs else (None, None)
    percent = _number(use)
    return Figures(
        utilization=percent / 100 if percent is not None and percent <= 100 else None,
        memory_bytes=memory[0] * _MIB if memory[0] is not None and memory[1] else None,
    )


def _first(cell: str) -> int | None:
    return _number(cell.split(maxsplit=1)[0]) if cell else None


def _number(word: str) -> int | None:
    return int(word) if word.isascii() and word.isdecimal() else None
