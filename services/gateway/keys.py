"""Signing keys: Ed25519, documents of the gateway's store, so that they survive restarts and replicas share them.

The newest signs; every one that is stored verifies. A key that is not known may be another replica's new one: the
store is asked again, at most once a minute.
"""

import base64
from contextlib import suppress
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.clock import Clock
from shared.contracts.base import Contract, Timestamp
from shared.store.port import DuplicateKey, Schema, Store

REFETCH_S = 60.0
FIRST = "0" * 26
"""The id of an installation's first key: replicas that start at one time make one key, not one each."""
_ALL = 100


class KeyDocument(Contract):
    """A stored key; its id is the `kid` of the tokens that it signs."""

    id: str
    version: int = 1
    seed: str
    created_at: Timestamp


KEYS = Schema[KeyDocument](
    "keys", dump=lambda key: key.model_dump_json().encode(), load=KeyDocument.model_validate_json
)


@dataclass(frozen=True)
class Key:
    """A key, ready to sign and to verify."""

    id: str
    private: Ed25519PrivateKey


class Keys:
    """The keys of this installation."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._documents = store.collection(KEYS)
        self._clock = clock
        self._keys: dict[str, Key] = {}
        self._fetched_at = float("-inf")

    async def start(self) -> None:
        """Read the keys; the first start makes one."""
        await self._fetch()
        if not self._keys:
            seed = base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode()
            with suppress(DuplicateKey):  # another replica was first; its key signs here too
                await self._documents.insert(KeyDocument(id=FIRST, seed=seed, created_at=self._clock.now()))
            await self._fetch()

    @property
    def newest(self) -> Key:
        """The one that signs."""
        return self._keys[max(self._keys)]

    async def get(self, id: str) -> Key | None:
        """The key of this id, also if another replica has just made it."""
        if id not in self._keys and self._clock.monotonic() - self._fetched_at >= REFETCH_S:
            await self._fetch()
        return self._keys.get(id)

    async def _fetch(self) -> None:
        self._fetched_at = self._clock.monotonic()
        page = await self._documents.find(limit=_ALL)
        self._keys = {document.id: _key(document) for document in page.items}


def _key(document: KeyDocument) -> Key:
    return Key(document.id, Ed25519PrivateKey.from_private_bytes(base64.b64decode(document.seed)))
