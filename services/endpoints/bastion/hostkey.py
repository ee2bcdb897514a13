"""The bastion's host key: one document, made once, so that every replica and every restart is the same host."""

import asyncssh

from shared.clock import Clock
from shared.contracts.base import Contract, Timestamp
from shared.store.once import made_once
from shared.store.port import Schema, Store

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
        """The key; the first start makes it."""
        return asyncssh.import_private_key((await made_once(self._documents, ID, self._made)).private)

    def _made(self) -> HostKeyDocument:
        private = asyncssh.generate_private_key(ALGORITHM).export_private_key("openssh").decode()
        return HostKeyDocument(private=private, created_at=self._clock.now())
