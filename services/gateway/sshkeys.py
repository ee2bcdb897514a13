"""Public SSH keys: what people prove themselves with at the bastion.

Several accounts may have one key. Public keys are public, so adding one proves nothing, and must not keep out whoever
holds its private half; nor does it give anything, since only that half opens a door. What an account lends in this way
are its own rights.

A key is stored as its algorithm and its base64, so that one key is one text whatever was pasted around it. A removed
key stays as a document without its text and its name, which are both free again.
"""

import asyncssh
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from services.gateway.apitokens import TokenName
from services.gateway.audit import Audit
from services.gateway.audited import Audited, Author, Change, end_own
from services.gateway.domain.sshkeys import NoKey, check_rsa, found
from services.gateway.fresh import Fresh
from shared.clock import Clock
from shared.contracts.base import Contract, Timestamp, UserName
from shared.contracts.errors import Conflict, FieldError, Invalid, NotFound
from shared.ids import new_id
from shared.store.port import DuplicateKey, Eq, Index, Schema, Store

MOST = 50
"""Keys that one account may have at one time."""


class SshKeyDocument(Contract):
    """A stored key. While it counts, `named` (owner and name), `live` (the key), `live_of` and `owned` (owner and
    key) are set.
    """

    id: str
    version: int = 1
    owner: UserName
    name: TokenName
    fingerprint: str
    named: str | None
    live: str | None
    live_of: UserName | None
    owned: str | None
    created_at: Timestamp
    change: Change | None = None


SSH_KEYS = Schema[SshKeyDocument](
    "ssh_keys",
    dump=lambda key: key.model_dump_json().encode(),
    load=SshKeyDocument.model_validate_json,
    indexes=(
        Index("live_of", ("live_of",)),
        Index("named", ("named",), unique=True),
        Index("holders", ("live",)),
        Index("owned", ("owned",), unique=True),
    ),
)


class SshKeys:
    """Everybody's keys."""

    def __init__(self, store: Store, clock: Clock, audit: Audit) -> None:
        self.documents = Audited(store, SSH_KEYS, audit, "key")
        self._clock = clock
        self._fresh: Fresh[SshKeyDocument | None] = Fresh(clock)

    async def of(self, owner: str) -> list[SshKeyDocument]:
        """Those of one account that count, oldest first."""
        return await self.documents.all((Eq("live_of", owner),))

    async def holders_of(self, public_key: str) -> list[SshKeyDocument]:
        """The documents of this key, `<algorithm> <base64>`, that count, of one account each, oldest first."""
        return await self.documents.all((Eq("live", public_key),))

    async def live(self, id: str) -> SshKeyDocument | None:
        """The key of this id while it counts, as of at most FRESH_S ago."""
        key = await self._fresh.get(id, lambda: self.documents.get(id))
        return key if key is not None and key.live is not None else None

    async def add(self, author: Author, name: str, text: str) -> SshKeyDocument:
        """A new key. Raises Invalid for what is no key, and Conflict."""
        public_key, fingerprint = normalised(text)
        if len(await self.of(author.name)) >= MOST:
            raise Conflict(f"You have {MOST} SSH keys, the most that there may be. Remove one first.")
        now = self._clock.now()
        key = SshKeyDocument(
            id=new_id(),
            owner=author.name,
            name=name,
            fingerprint=fingerprint,
            named=f"{author.name}/{name}",
            live=public_key,
            live_of=author.name,
            owned=_owned(author.name, public_key),
            created_at=now,
            change=author.change(now, "key.added", name=name, owner=author.name, fingerprint=fingerprint),
        )
        try:
            await self.documents.insert(key)
        except DuplicateKey:
            raise await self._taken(author.name, name, public_key) from None
        return key

    async def remove_all(self, owner: str, author: Author) -> None:
        """End every one of an account that goes."""
        for key in await self.of(owner):
            await self._end(owner, author, key.id)

    async def remove(self, author: Author, id: str) -> None:
        """End one of one's own. Raises NotFound."""
        if not await self._end(author.name, author, id):
            raise NotFound(f"You have no SSH key {id}. List yours to see their ids.")

    async def _end(self, owner: str, author: Author, id: str) -> bool:
        """False: it is not this owner's, or does not count any more."""
        now = self._clock.now()

        def ended(key: SshKeyDocument) -> SshKeyDocument:
            change = author.change(now, "key.removed", name=key.name, owner=key.owner, fingerprint=key.fingerprint)
            gone = {"named": None, "live": None, "live_of": None, "owned": None}
            return key.model_copy(update={**gone, "version": key.version + 1, "change": change})

        if not await end_own(self.documents, id, owner, ended):
            return False
        self._fresh.forget(id)
        return True

    async def _taken(self, owner: str, name: str, public_key: str) -> Conflict:
        known = next(iter(await self.documents.all((Eq("owned", _owned(owner, public_key)),))), None)
        if known is None:
            return Conflict(f"You have an SSH key '{name}' already. Remove it, or choose another name.")
        return Conflict(f"You have this SSH key already, as '{known.name}'.")


def _owned(owner: str, public_key: str) -> str:
    return f"{owner}/{public_key}"


def normalised(text: str) -> tuple[str, str]:
    """The key as `<algorithm> <base64>`, and its fingerprint, `SHA256:...`. Raises Invalid."""
    try:
        key = _parsed(found(text))
        if isinstance(key.pyca_key, RSAPublicKey):
            check_rsa(key.pyca_key.key_size)
    except NoKey as error:
        raise Invalid(f"public_key: {error}", (FieldError(field="public_key", message=str(error)),)) from None
    return " ".join(key.export_public_key("openssh").decode().split()[:2]), key.get_fingerprint()


def _parsed(line: str) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_public_key(line)
    except (asyncssh.KeyImportError, ValueError):
        raise NoKey("This key is damaged. Send the whole line of the file that ends in .pub.") from None
