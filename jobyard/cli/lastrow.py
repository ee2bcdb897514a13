"""The row below a console's lines, which a line that has not ended rewrites in place: only on a terminal."""

import shutil
import sys
from collections.abc import Callable, Sequence

from rich.cells import set_cell_size

from jobyard.cli.terminal import inert
from jobyard.models import LogLine

TAB = 8
"""Columns from one stop of a terminal to the next."""

_REWRITE = "\r\x1b[K"


class LastRow:
    """Whatever else is printed there, `clear` comes before it. `form`: how a line is printed."""

    def __init__(self, form: Callable[[LogLine], str]) -> None:
        self._form = form
        self._on = sys.stdout.isatty()
        self._text = ""

    def show(self, lines: Sequence[LogLine]) -> None:
        """The line that changed last, as far as the terminal is wide."""
        if not self._on:
            return
        width = shutil.get_terminal_size().columns - 1  # in the last column it would go on in the next row
        text = set_cell_size(inert(self._form(lines[-1])).expandtabs(TAB), width).rstrip() if lines else ""
        if text != self._text:
            self._text = text
            sys.stdout.write(_REWRITE + text)
            sys.stdout.flush()

    def clear(self) -> None:
        """Nothing stands there any more."""
        if self._text:
            self._text = ""
            sys.stdout.write(_REWRITE)
