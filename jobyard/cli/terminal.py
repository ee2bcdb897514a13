"""What reaches the terminal. Text from jobs is inert there: it can neither move the cursor nor change a title.

Colour and layout only on a terminal; aligned plain text in a pipe.
"""

import json
import re
import sys
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel
from rich.console import Console

# CSI, OSC and the other string sequences, with their ends: removed whole, as they say nothing to a reader.
_SEQUENCES = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"
    "|(?:\x1b[\\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\\\|\x9c)"
    "|\x1b[ -/]*[0-OQ-WYZ\\\\`-~]"
)
# What is left of control characters is shown as an escape; so are the marks that reorder text, and stray halves.
_CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def inert(text: str) -> str:
    """The text on one line, without terminal sequences; a tab stays, other control characters become escapes."""
    return _CONTROLS.sub(_escaped, _SEQUENCES.sub("", text))


def _escaped(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def output() -> Console:
    """Where results go."""
    return Console(file=sys.stdout, highlight=False, markup=False, soft_wrap=True)


def notes() -> Console:
    """Where everything goes that is no result: progress, hints, errors."""
    return Console(file=sys.stderr, highlight=False, markup=False, soft_wrap=True)


def print_line(text: str) -> None:
    """One line of plain text, made inert, at once."""
    sys.stdout.write(inert(text) + "\n")
    sys.stdout.flush()


def print_json(value: object) -> None:
    """One JSON document: indented on a terminal, one line in a pipe."""
    indent = 2 if sys.stdout.isatty() else None
    text = json.dumps(_plain(value), ensure_ascii=False, indent=indent, default=str)
    sys.stdout.write(_outside_layout(text) + "\n")
    sys.stdout.flush()


def _outside_layout(text: str) -> str:
    """JSON escapes for what `inert` would touch; the line feeds of the layout stay."""
    return "\n".join(_CONTROLS.sub(lambda match: f"\\u{ord(match.group()):04x}", line) for line in text.split("\n"))


def _plain(value: object) -> Any:
    if isinstance(value, BaseModel):
        return _plain(value.model_dump(mode="python"))
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
    return value
