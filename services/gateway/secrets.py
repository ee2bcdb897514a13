"""Secrets of users and of virtual clusters (VCs): documents of the gateway's store, sealed under a key that is not.

A value goes in, and comes out for runs alone: by `values` for a job that names it, by `opened` for its image.
All replicas need the same keys: the one that the store was begun with is written there by its id, and a gateway without
it keeps no secrets.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from services.gateway.audit import Audit
from services.gateway.audited import BY_ITSELF, Audited, Author, Change, sweep
from services.gateway.keyfile import KeyFile
from services.gateway.sealing import KeyRing, Sealed, Unsealable
from shared.clock import Clock
from shared.contracts.base import Contract, Timestamp
from shared.contracts.errors import Conflict, NotFound, Unavailable
from shared.contracts.masking import hidden_in
from shared.secret_keys import BadKey
from shared.store.port import Condition, DuplicateKey, Eq, Index, Schema, Store

log = structlog.get_logger()

MOST = 100
"""Secrets of one user, or of one VC."""
SEAL = "seal"
_PAGE = 100


class SecretDocument(Contract):
    """A stored secret; its id is `<holder>/<name>`, the holder `user:<name>`, `vc:<name>` or `registries:<vc>`."""

    id: str
    version: int = 1
    holder: str
    name: str
    key_id: str
    sealed: str
    created_at: Timestamp
    updated_at: Timestamp
    updated_by: str
    removed: bool = False
    change: Change | None = None


@dataclass(frozen=True)
class Opened:
    """A value, and the version of the secret that it is of."""

    value: str = field(repr=False)
    version: int


class SealDocument(Contract):
    """Which key this installation's secrets are sealed with."""

    id: str = SEAL
    version: int = 1
    key_id: str


SECRETS = Schema[SecretDocument](
    "secrets",
    dump=lambda secret: secret.model_dump_json().encode(),
    load=SecretDocument.model_validate_json,
    indexes=(Index("holder_name", ("holder", "removed", "name")), Index("key", ("key_id",))),
)
SEALS = Schema[SealDocument](
    "seals", dump=lambda seal: seal.model_dump_json().encode(), load=SealDocument.model_validate_json
)


def of_user(name: str) -> str:
    """The holder of a user's own secrets."""
    return f"user:{name}"


def of_vc(name: str) -> str:
    """The holder of a VC's secrets."""
    return f"vc:{name}"


class Secrets:
    """Keeps secrets. Its methods raise Refusals that a person can act on."""

    def __init__(self, store: Store, clock: Clock, audit: Audit, keys: KeyFile) -> None:
        self._documents = store.collection(SECRETS)
        self._audited = Audited(store, SECRETS, audit, "secret")
        self._seals = store.collection(SEALS)
        self._clock = clock
        self._keys = keys
        self._ring: KeyRing | None = None
        self._problem = "The gateway has not read its keys yet."

    async def start(self) -> None:
        """Read the keys; the first start makes one. Seal anew what an older key has sealed."""
        self._ring = None
        seal = await self._seals.get(SEAL)
        try:
            keys = await asyncio.to_thread(self._keys.read, make=seal is None)
        except (OSError, BadKey) as error:
            self._fail(f"The keys of secrets cannot be read: {error}")
            return
        ring = KeyRing(keys) if keys is not None else None
        if ring is not None and seal is None:
            seal = await self._begin(ring)
        if ring is None or (seal is not None and seal.key_id not in ring):
            known = seal.key_id if seal else "none"
            self._fail(
                f"This gateway does not have the key {known} that its secrets are sealed with; it looked for it "
                f"in {self._keys.path}. Put it there, or set JOBYARD_GATEWAY_SECRET_KEY_FILE."
            )
            return
        self._ring = ring
        if seal is not None and seal.key_id != ring.newest:
            await self._seals.swap(SealDocument(version=seal.version + 1, key_id=ring.newest), seal.version)
        await self._reseal(ring)

    async def names(self, holder: str) -> tuple[SecretDocument, ...]:
        """The holder's secrets by name. Their values stay sealed."""
        return (await self._documents.find(_held_by(holder), ("name",), limit=MOST + _PAGE)).items

    async def get(self, holder: str, name: str) -> SecretDocument:
        """One of them. Raises NotFound."""
        found = await self._documents.get(_id(holder, name))
        if found is None or found.removed:
            raise NotFound(f"There is no secret '{name}' here. Check the name, or list what there is.")
        return found

    async def put(self, holder: str, name: str, value: str, author: Author) -> tuple[SecretDocument, bool]:
        """Keep a value under this name, in place of the one before; true if there was none. Raises Conflict."""
        while True:
            now = self._clock.now()
            sealed = self._open_ring().seal(value, _id(holder, name))
            fields: dict[str, Any] = {
                "key_id": sealed.key_id,
                "sealed": sealed.text,
                "updated_at": now,
                "updated_by": author.name,
                "change": author.change(now, "secret.set"),
            }
            known = await self._documents.get(_id(holder, name))
            if known is not None and not known.removed:
                set_anew = await self._audited.change(known.id, partial(_edited, fields))
                return set_anew or known, False
            if await self._documents.count(_held_by(holder), at_most=MOST) >= MOST:
                raise Conflict(f"There are {MOST} secrets here already, and no room for more. Remove one first.")
            if known is not None:
                made_anew = await self._audited.change(known.id, partial(_edited, {**fields, "created_at": now}))
                return made_anew or known, True
            new = SecretDocument(id=_id(holder, name), holder=holder, name=name, created_at=now, **fields)
            try:
                await self._audited.insert(new)
            except DuplicateKey:
                continue
            return new, True

    async def remove(self, holder: str, name: str, author: Author) -> None:
        """Forget its value; that it was there stays for the audit. Raises NotFound."""
        await self.get(holder, name)
        fields = {"sealed": "", "removed": True, "change": author.change(self._clock.now(), "secret.removed")}
        await self._audited.change(_id(holder, name), partial(_edited, fields))

    async def sweep(self) -> None:
        """A loop of the gateway: enter in the audit what killed processes left behind."""
        await sweep(self._audited)

    async def opened(self, holder: str, name: str) -> Opened | None:
        """One value of a holder that no job can name; None: there is none. Raises Unavailable."""
        secret = await self._documents.get(_id(holder, name))
        return None if secret is None or secret.removed else Opened(self._opened(secret), secret.version)

    async def missing(self, owner: str, vc: str, names: Iterable[str]) -> list[str]:
        """Those of the names that neither this user nor the VC has a secret for."""
        wanted = sorted(set(names))
        found = await self._found(owner, vc, wanted)
        return [name for name in wanted if name not in found]

    async def values(self, owner: str, vc: str, names: Iterable[str], *, member: bool) -> dict[str, str]:
        """The values for a job: the owner's own secret of a name, else the VC's. Raises NotFound, Unavailable.

        `member`: whether the owner belongs to the VC now; nobody else has its secrets.
        """
        wanted = sorted(set(names))
        found = await self._found(owner, vc if member else None, wanted)
        for name in wanted:
            if name not in found:
                raise NotFound(absent(name, owner, vc) if member else _withheld(name, owner, vc))
        return {name: self._opened(secret) for name, secret in found.items()}

    async def hidden(self, owner: str, vc: str, names: Iterable[str]) -> tuple[str, ...]:
        """What must not be seen of the values that these names have now, by the owner or the VC. Raises Unavailable."""
        ids = [_id(holder, name) for name in set(names) for holder in (of_user(owner), of_vc(vc))]
        found = (await self._documents.get_many(ids)).values() if ids else ()
        return hidden_in(self._opened(secret) for secret in found if not secret.removed)

    async def _found(self, owner: str, vc: str | None, names: list[str]) -> Mapping[str, SecretDocument]:
        holders = (of_user(owner),) if vc is None else (of_vc(vc), of_user(owner))
        ids = [_id(holder, name) for name in names for holder in holders]
        found = await self._documents.get_many(ids)
        there = [found[id] for id in ids if id in found and not found[id].removed]
        return {secret.name: secret for secret in there}  # the owner's comes last, and counts

    def _opened(self, secret: SecretDocument) -> str:
        try:
            return self._open_ring().open(Sealed(secret.key_id, secret.sealed), secret.id)
        except Unsealable as error:
            log.error("secret_not_opened", secret=secret.id, problem=str(error))
            raise Unavailable(f"The secret '{secret.name}' cannot be opened: {error}. Tell the operators.") from None

    async def _begin(self, ring: KeyRing) -> SealDocument | None:
        """Note the first key; that of another replica, if it was first."""
        seal = SealDocument(key_id=ring.newest)
        try:
            await self._seals.insert(seal)
        except DuplicateKey:
            return await self._seals.get(SEAL)
        return seal

    async def _reseal(self, ring: KeyRing) -> None:
        """Under the newest key, whatever an older one has sealed, so that the older one can be given up."""

        def anew(secret: SecretDocument) -> SecretDocument:
            if secret.removed or secret.key_id == ring.newest:
                return secret
            sealed = ring.seal(self._opened(secret), secret.id)
            change = BY_ITSELF.change(self._clock.now(), "secret.sealed_anew")
            return _edited({"key_id": sealed.key_id, "sealed": sealed.text, "change": change}, secret)

        for key_id in await self._documents.count_by("key_id"):
            if key_id == ring.newest or key_id not in ring:
                continue
            after = None
            while True:
                page = await self._documents.find((Eq("key_id", key_id),), ("key_id",), after, _PAGE)
                for secret in page.items:
                    await self._audited.change(secret.id, anew)
                after = page.after
                if after is None:
                    break
            log.warning("secrets_sealed_anew", old_key=key_id, key=ring.newest)

    def _open_ring(self) -> KeyRing:
        if self._ring is None:
            raise Unavailable(self._problem)
        return self._ring

    def _fail(self, problem: str) -> None:
        """All else works without secrets; who needs one is told."""
        self._problem = problem
        log.error("secret_key_missing", problem=problem)


def _held_by(holder: str) -> tuple[Condition, ...]:
    return (Eq("holder", holder), Eq("removed", False))


def _edited(fields: Mapping[str, Any], secret: SecretDocument) -> SecretDocument:
    return secret.model_copy(update={"removed": False, **fields, "version": secret.version + 1})


def absent(name: str, owner: str, vc: str) -> str:
    """The sentence for a secret that a job names and nobody has."""
    return (
        f"There is no secret '{name}', neither of {owner} nor of the virtual cluster '{vc}'. "
        f"Make it with `jobyard secret set {name}`, or submit without it."
    )


def _withheld(name: str, owner: str, vc: str) -> str:
    return (
        f"{owner} has no secret '{name}', and does not belong to the virtual cluster '{vc}' any more, whose secrets "
        f"are for the jobs of its members."
    )


def _id(holder: str, name: str) -> str:
    return f"{holder}/{name}"
