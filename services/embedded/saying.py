"""What the parent says to whoever started it: plain lines, at once."""

import sys
from typing import TextIO


def say(line: str, to: TextIO | None = None) -> None:
    """To the terminal, or a log; `to`: `sys.stderr` for what went wrong."""
    print(line, file=to or sys.stdout, flush=True)
