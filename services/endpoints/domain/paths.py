"""The path of a request as it stands on the wire: refused where two readers could see two places in it.

Nothing is normalised. What is let through goes to the job byte for byte, so a path that leads elsewhere once it is
decoded (`..`, `%2e%2e`, `%252e`, a backslash, NUL) is refused before anything is sent.
"""

import re

from shared.contracts.errors import Invalid

ROUNDS = 8
"""A path that still changes after being decoded so often was made to deceive."""

_ENCODED = re.compile(rb"%([0-9A-Fa-f]{2})")
_BROKEN = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PLAIN = re.compile(r"[!-~]*")
_NEVER_UTF8 = (0xC0, 0xC1)
"""Bytes that begin an overlong form, `%c0%ae` for a dot, and nothing else."""

REFUSED = "This path is not taken: it has `.` or `..`, a backslash, or characters in it that no address may have."


def check(path: str) -> None:
    """Raises Invalid for a path (without its query) that could mean another one."""
    if not _PLAIN.fullmatch(path) or _BROKEN.search(path):
        raise Invalid(REFUSED)
    seen = path.encode()
    for _ in range(ROUNDS):
        if _deceives(seen):
            raise Invalid(REFUSED)
        decoded = _ENCODED.sub(lambda match: bytes([int(match[1], 16)]), seen)
        if decoded == seen:
            return
        seen = decoded
    raise Invalid(REFUSED)


def _deceives(path: bytes) -> bool:
    if b"\\" in path or any(byte < 0x20 or byte == 0x7F or byte in _NEVER_UTF8 for byte in path):
        return True
    return any(segment.partition(b";")[0] in (b".", b"..") for segment in path.split(b"/"))
