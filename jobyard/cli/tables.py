"""Tables: Rich on a terminal, aligned columns without tabs or colour in a pipe."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from jobyard.cli.terminal import inert

STATUS_STYLES = {
    "queued": "yellow",
    "scheduling": "cyan",
    "running": "bold blue",
    "pausing": "magenta",
    "paused": "magenta",
    "killing": "red",
    "killed": "red",
    "finished": "green",
    "failed": "bold red",
    "error": "bold red",
    "requested": "yellow",
    "starting": "cyan",
    "ready": "green",
    "closed": "dim",
}


GAP = 2
HEAD = 3
FOLDED_WIDTH = 16
"""The least that a column which may be folded keeps of its width."""
SPARED_WIDTH = 12
"""The least for which a column that may be spared is kept."""


@dataclass(frozen=True)
class Column:
    """A heading (a line feed breaks it on a terminal); `right` for numbers, `fold` for long text, `status` colour.

    `spare`: of a last column, which is cut or left out rather than that the others have no table.
    """

    heading: str
    right: bool = False
    fold: bool = False
    status: bool = False
    spare: bool = False

    @property
    def title(self) -> str:
        """The heading on one line."""
        return self.heading.replace("-\n", "").replace("\n", " ")


def print_table(console: Console, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Show the rows; their text may come from jobs, so it is made inert."""
    clean = [[inert(cell) or "-" for cell in row] for row in rows]
    if not console.is_terminal:
        for line in aligned(columns, clean):
            console.print(line)
        return
    if columns[-1].spare:
        columns, clean = _without_spare(columns, clean, console.width)
    if _narrowest(columns, clean) <= console.width:
        console.print(_rich(columns, clean), soft_wrap=False)
    else:
        _print_blocks(console, columns, clean)


def _without_spare(
    columns: Sequence[Column], rows: list[list[str]], width: int
) -> tuple[Sequence[Column], list[list[str]]]:
    """The last column cut to what the others leave, or left out; as it is where they have no table themselves."""
    others = [row[:-1] for row in rows]
    left = width - _narrowest(columns[:-1], others) - GAP
    if left < -GAP or _narrowest(columns, rows) <= width:
        return columns, rows
    if left < SPARED_WIDTH:
        return columns[:-1], others
    return columns, [[*row[:-1], _cut(row[-1], left)] for row in rows]


def _cut(cell: str, width: int) -> str:
    text = Text(cell)
    text.truncate(width, overflow="ellipsis")
    return text.plain


def _narrowest(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> int:
    """The width that a table needs at least."""
    width = 0
    for index, column in enumerate(columns):
        cells = [*column.heading.split("\n"), *(row[index] for row in rows)]
        widest = max(cell_len(cell) for cell in cells)
        width += GAP + (min(widest, FOLDED_WIDTH) if column.fold else widest)
    return width - GAP


def _rich(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for column in columns:
        justify: Literal["left", "right"] = "right" if column.right else "left"
        table.add_column(Text(column.heading), justify=justify, no_wrap=not column.fold, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(column, cell) for column, cell in zip(columns, row, strict=True)))
    return table


def _print_blocks(console: Console, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """For a terminal that is too narrow: the first three cells of each row, and the others named below them."""
    for row in rows:
        cells = [_cell(column, cell) for column, cell in zip(columns, row, strict=True)]
        console.print(Text("  ").join(cells[:HEAD]), soft_wrap=False)
        named = [
            Text.assemble((f"{column.title} ", "dim"), cell)
            for column, cell in zip(columns[HEAD:], cells[HEAD:], strict=True)
            if cell.plain != "-"
        ]
        console.print(Padding(Text(", ").join(named), (0, 0, 0, 4)), soft_wrap=False)


def _cell(column: Column, cell: str) -> Text:
    return Text(cell, style=STATUS_STYLES.get(cell, "") if column.status else "")


def aligned(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines with two spaces or more between columns, the heading first."""
    table = [[column.title for column in columns], *rows]
    widths = [max(cell_len(row[index]) for row in table) for index in range(len(columns))]
    lines = []
    for row in table:
        cells = []
        for column, cell, width in zip(columns, row, widths, strict=True):
            space = " " * (width - cell_len(cell))
            cells.append(space + cell if column.right else cell + space)
        lines.append("  ".join(cells).rstrip())
    return lines
