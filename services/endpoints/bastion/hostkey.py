"""The bastion's host key: one document, made once, so that every replica and every restart is the same host."""

from contextlib import suppress

import asyncssh

from shared.clock import Clock
from shared.contracts.base import Contract, Timestamp
from shared.store.port import DuplicateKey, Schema, Store

ALGORITHM = "ssh-ed25519"
ID = "ssh"


class HostKeyDocument(Contract):
    """The private key, as OpenSSH writes it."""

    id: str = ID
    version: int = 1
    private: str
    created_at: Timestamp

    def __repr__(self) -> str:
        return f"HostKeyDocument({self.id})"


HOST_KEYS = Schema[HostKeyDocument](
    "host_keys", dump=lambda key: key.model_dump_json().encode(), load=HostKeyDocument.model_validate_json
)


class HostKeys:
    """The host key of this installation."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._documents = store.collection(HOST_KEYS)
        self._clock = clock

    async def get(self) -> asyncssh.SSHKey:
        """The key; the first start makes it, and of replicas that start at one time the first one does."""
        stored = await self._documents.get(ID)
        if stored is None:
            made = asyncssh.generate_private_key(ALGORITHM).export_private_key("openssh").decode()
            with suppress(DuplicateKey):
                await self._documents.insert(HostKeyDocument(private=made, created_at=self._clock.now()))
            stored = await self._documents.get(ID)
        assert stored is not None, "documents of this collection are never deleted"
        return asyncssh.import_private_key(stored.private)
