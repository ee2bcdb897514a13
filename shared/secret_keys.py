"""The keys that secrets are sealed with, as text: one per line, 32 bytes in base64, the newest first.

The gateway reads them, `jobyard admin rotate-secret-key` puts a new one on top. The newest seals; all of them open.
"""

import base64
import binascii
import os
from pathlib import Path

KEY_BYTES = 32
FILE = "secret-key"
"""Under the data folder, where nothing else is configured."""


class BadKey(ValueError):
    """What is no key; the message says so without showing it."""


def new_key() -> str:
    """A line of a key file."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()


def keys_in(text: str, where: str) -> tuple[bytes, ...]:
    """The keys of a file, or of a variable. Raises BadKey."""
    lines = text.split()
    if not lines:
        raise BadKey(f"{where} holds no key. Put one there: `openssl rand -base64 32`.")
    return tuple(_key(line, number, where) for number, line in enumerate(lines, start=1))


def keys_at(path: Path) -> tuple[bytes, ...]:
    """The keys of a file. Raises OSError, BadKey."""
    return keys_in(path.read_text(errors="replace"), str(path))


def _key(line: str, number: int, where: str) -> bytes:
    try:
        key = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise BadKey(
            f"Key {number} of {where} is not {KEY_BYTES} bytes in base64; `openssl rand -base64 32` makes one."
        )
    return key
