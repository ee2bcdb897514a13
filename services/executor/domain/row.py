"""A line that is rewritten in place, as a terminal's row shows it: what progress bars need of a terminal, and no more.

A carriage return goes back to the first column, characters overwrite what stands there, SGR sequences take no column
and paint what comes after them, `ESC[K`, `ESC[0K` and `ESC[2K` erase. A cursor that is hidden or shown is left out. All
else stands for itself, one column per character.
"""

import re
from itertools import groupby
from operator import itemgetter

from services.executor.domain.style import PLAIN, Style, sequence, styled
from shared.contracts.logs import LINE_BYTES

WIDTH = LINE_BYTES + 1
"""What is written beyond cannot be seen: the line is cut before."""

FILLABLE = 1 << 16
"""The most cells that a row fills with blanks up to its cursor, as after an erasure; then it goes on where it ends. A
progress bar needs few, and with one erasure per character each character would fill the whole row again."""

_TOKEN = re.compile(r"(\r)|\x1b\[(?:([0-9;:]{0,100})m|([02]?)K|\?25[hl])")
_BEGUN = re.compile(r"\x1b(?:\[(?:[0-9;:]{0,100}|\?2?5?))?\Z")


def without_beginning(text: str) -> str:
    """The text without an escape sequence at its end that is not whole yet."""
    begun = _BEGUN.search(text, max(0, len(text) - 128))
    return text[: begun.start()] if begun else text


class Row:
    """The characters of a line, how each is painted, and where the next one goes.

    A style of None is the one that the line before has left on.
    """

    def __init__(self, text: str = "") -> None:
        self._characters: list[str] = []
        self._styles: list[Style | None] = []
        self._cursor = 0
        self._fillable = FILLABLE
        self._style: Style | None = None
        self.write(text)

    def write(self, text: str) -> None:
        """What the run has written next."""
        position = 0
        for token in _TOKEN.finditer(text):
            if token.start() > position:
                self._print(text[position : token.start()])
            position = token.end()
            home, paint, erase = token.groups()
            if home:
                self._cursor = 0
            elif paint is not None:
                self._style = styled(self._style or PLAIN, paint)
            elif erase is not None:
                self._erase(0 if erase == "2" else self._cursor)
        if position < len(text):
            self._print(text[position:])

    def shown(self) -> str:
        """The line, with the sequences that paint it so."""
        text, painted = self._painted(0, len(self._characters), None)
        return text + self._leave(painted)

    def end(self, most: int) -> str:
        """Its last `most` characters; painted, unless that takes more than `most` characters in all."""
        begin = max(0, len(self._characters) - most)
        text, _ = self._painted(begin, len(self._characters), None)
        return text if len(text) <= most else "".join(self._characters[begin:])

    def again(self, most: int) -> str:
        """A short text after which a row is as this one: what it shows, and what stands before the cursor once more.

        Painted, unless that takes more than `most` characters in all.
        """
        if self._cursor > len(self._characters):  # all was erased
            return " " * min(self._cursor, WIDTH) + "\x1b[2K" + self._leave(None)
        text, painted = self._painted(0, len(self._characters), None)
        if self._cursor < len(self._characters):
            before, painted = self._painted(0, self._cursor, painted)
            text += "\r" + before
        if len(text) > most:
            text, painted = "".join(self._characters), None
            text += "\r" + text[: self._cursor] if self._cursor < len(text) else ""
        return text + self._leave(painted)

    def _print(self, text: str) -> None:
        blank = self._cursor - len(self._characters)
        if blank > self._fillable:
            self._cursor, blank = len(self._characters), 0
        end = self._cursor + len(text)
        if self._cursor < WIDTH:
            text = text[: WIDTH - self._cursor]
            if blank > 0:
                self._fillable -= blank
                self._characters += " " * blank
                self._styles += [PLAIN] * blank
            self._characters[self._cursor : end] = text
            self._styles[self._cursor : end] = [self._style] * len(text)
        self._cursor = min(end, WIDTH)

    def _erase(self, begin: int) -> None:
        del self._characters[begin:], self._styles[begin:]

    def _painted(self, begin: int, end: int, style: Style | None) -> tuple[str, Style | None]:
        """These characters where `style` is on, and the style that is on after them."""
        parts: list[str] = []
        cells = zip(self._styles[begin:end], self._characters[begin:end], strict=True)
        for wanted, group in groupby(cells, itemgetter(0)):
            if wanted != style:
                style = wanted or PLAIN
                parts.append(sequence(style))
            parts += map(itemgetter(1), group)
        return "".join(parts), style

    def _leave(self, style: Style | None) -> str:
        """What makes the run's own style be on where `style` is."""
        return "" if self._style is None or self._style == style else sequence(self._style)
