"""Sealing texts at rest: AES-256-GCM, bound to whose they are and what they are called, under a key that has a name.

A sealed text that was moved to another owner or name does not open.
"""

import base64
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12
_ID_LABEL = b"jobyard secret key id\0"


class Unsealable(Exception):
    """It was sealed with a key that is not here, or changed since."""


@dataclass(frozen=True)
class Sealed:
    """A text that only the holder of the key can read."""

    key_id: str
    text: str


class KeyRing:
    """Keys by their ids. The first one seals, every one opens."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._ciphers = {_id(key): AESGCM(key) for key in keys}
        self.newest = _id(keys[0])

    def __contains__(self, key_id: object) -> bool:
        return key_id in self._ciphers

    def seal(self, text: str, about: str) -> Sealed:
        """`about`: what the text belongs to; it opens for the same only."""
        nonce = os.urandom(_NONCE_BYTES)
        closed = self._ciphers[self.newest].encrypt(nonce, text.encode(), _bound(about, self.newest))
        return Sealed(self.newest, base64.b64encode(nonce + closed).decode())

    def open(self, sealed: Sealed, about: str) -> str:
        """Raises Unsealable."""
        cipher = self._ciphers.get(sealed.key_id)
        if cipher is None:
            raise Unsealable(f"it was sealed with the key {sealed.key_id}, which this gateway does not have")
        raw = base64.b64decode(sealed.text)
        try:
            return cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _bound(about, sealed.key_id)).decode()
        except InvalidTag:
            raise Unsealable("it was changed since it was sealed") from None


def _id(key: bytes) -> str:
    """Names a key without telling anything of it."""
    return hashlib.sha256(_ID_LABEL + key).hexdigest()[:16]


def _bound(about: str, key_id: str) -> bytes:
    return f"{key_id}\0{about}".encode()
