"""The websocket's handshake (RFC 6455, section 4), checked on both sides, and what its frames say of their use."""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_DATA = (0x0, 0x1, 0x2)
"""Continuation, text and binary; the rest is close, ping and pong."""


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
        self._skip = 0

    def feed(self, chunk: memoryview) -> bool:
        """Whether a frame with data begins or goes on in these bytes."""
        position, data = 0, False
        while position < len(chunk):
            if self._skip:
                step = min(self._skip, len(chunk) - position)
                self._skip -= step
                position += step
                continue
            self._head += bytes(chunk[position : position + 1])
            position += 1
            size = _head_size(self._head)
            if size is not None and len(self._head) == size:
                data = data or self._head[0] & 0x0F in _DATA
                self._skip = _payload(self._head)
                self._head = b""
        return data


def _head_size(head: bytes) -> int | None:
    """How long this frame's head is, once its second byte says so."""
    if len(head) < 2:
        return None
    extended = {126: 2, 127: 8}.get(head[1] & 0x7F, 0)
    return 2 + extended + (4 if head[1] & 0x80 else 0)


def _payload(head: bytes) -> int:
    length = head[1] & 0x7F
    if length == 126:
        return int.from_bytes(head[2:4], "big")
    if length == 127:
        return int.from_bytes(head[2:10], "big")
    return length
