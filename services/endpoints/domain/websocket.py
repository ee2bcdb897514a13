"""The websocket's handshake (RFC 6455, section 4), checked on both sides, and what its frames say of their use."""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from struct import Struct

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_DATA = (0x0, 0x1, 0x2)
"""Continuation, text and binary; the rest is close, ping and pong."""
FRAMES = 512
"""How many a look takes at most: well below a millisecond, however small they are."""
_SHORT, _LONG = Struct(">H"), Struct(">Q")


def asks_upgrade(headers: Mapping[str, str]) -> bool:
    """Whether a request wants to become a websocket; other protocols are not offered here."""
    return headers.get("upgrade", "").strip().lower() == "websocket" and _has(headers.get("connection", ""), "upgrade")


def is_handshake(method: str, headers: Mapping[str, str]) -> bool:
    """Whether it may: as a GET of HTTP/1.1 without a body, with a key of 16 bytes and the one version."""
    try:
        key = base64.b64decode(headers.get("sec-websocket-key", ""), validate=True)
    except (binascii.Error, ValueError):
        return False
    bodiless = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
    return method == "GET" and bodiless and len(key) == 16 and headers.get("sec-websocket-version") == "13"


def is_accepted(key: str, offered: Sequence[str], reply: Mapping[str, str]) -> bool:
    """Whether a 101 answers this very handshake."""
    expected = base64.b64encode(hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()).decode()
    chosen = reply.get("sec-websocket-protocol")
    return (
        reply.get("upgrade", "").strip().lower() == "websocket"
        and _has(reply.get("connection", ""), "upgrade")
        and reply.get("sec-websocket-accept", "").strip() == expected
        and (chosen is None or chosen.strip() in offered)
    )


def protocols(header: str) -> tuple[str, ...]:
    """What a client offers in Sec-WebSocket-Protocol."""
    return tuple(part.strip() for part in header.split(",") if part.strip())


def _has(header: str, token: str) -> bool:
    return token in (part.strip().lower() for part in header.split(","))


class FrameMeter:
    """Reads one direction's frame heads only, to tell data from pings. Constant memory, whatever the frames' sizes."""

    __slots__ = ("_head", "_skip")

    def __init__(self) -> None:
        self._head = b""
        """The beginning of a head whose rest has not come yet."""
        self._skip = 0
        """What is still to come of the last frame's payload."""

    def feed(self, chunk: memoryview, frames: int = FRAMES) -> tuple[int, bool]:
        """How many of these bytes were looked at, and whether a frame with data begins or goes on in them.

        Less than all where so many frames began in them; the rest is to be fed next.
        """
        had = len(self._head)
        data = memoryview(self._head + bytes(chunk)) if had else chunk
        end, position, seen = len(data), self._skip, False
        self._head, self._skip = b"", 0
        while position < end and frames:
            size = _head_size(data, position, end)
            if size is None:
                self._head = bytes(data[position:])
                return len(chunk), seen
            seen = seen or data[position] & 0x0F in _DATA
            position += size + _payload(data, position)
            frames -= 1
        self._skip = max(0, position - end)
        return min(position, end) - had, seen


def _head_size(data: memoryview, at: int, end: int) -> int | None:
    """How long the head of the frame that begins here is; None: it is not there as a whole."""
    if at + 2 > end:
        return None
    length = data[at + 1] & 0x7F
    size = (2 if length < 126 else 4 if length == 126 else 10) + (4 if data[at + 1] & 0x80 else 0)
    return size if at + size <= end else None


def _payload(data: memoryview, at: int) -> int:
    length = data[at + 1] & 0x7F
    if length < 126:
        return length
    return int(_SHORT.unpack_from(data, at + 2)[0] if length == 126 else _LONG.unpack_from(data, at + 2)[0])
