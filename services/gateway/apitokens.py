"""API tokens: made by people for their scripts, named, scoped and revoked by them.

The secret is 256 random bits behind the token's id, so its SHA-256 is all that is kept and a guess is hopeless. A
revoked token stays as a document without its name, which is free again.
"""

import hashlib
import hmac
import re
import secrets
from typing import Annotated

from pydantic import Field

from services.gateway.audit import Audit
from services.gateway.audited import Audited, Author, Change, end_own
from services.gateway.domain.access import Scope
from services.gateway.fresh import Fresh
from services.gateway.tokens import REFUSED
from shared.clock import Clock
from shared.contracts.base import Contract, Timestamp, UserName
from shared.contracts.errors import Conflict, NotFound, Unauthorized
from shared.ids import new_id
from shared.store.port import DuplicateKey, Eq, Index, Schema, Store

PREFIX = "jy_"
SHAPE = re.compile(rf"{PREFIX}([0-7][0-9A-HJKMNP-TV-Z]{{25}})_([A-Za-z0-9_-]{{43}})")
MOST = 100
"""Tokens that one account may have at one time."""

TokenName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class ApiTokenDocument(Contract):
    """A stored token. `key` is the owner and the name while it counts, so that no two have the same."""

    id: str
    version: int = 1
    owner: UserName
    name: TokenName
    scope: Scope
    digest: str
    key: str | None
    live_of: UserName | None
    created_at: Timestamp
    change: Change | None = None


API_TOKENS = Schema[ApiTokenDocument](
    "api_tokens",
    dump=lambda token: token.model_dump_json().encode(),
    load=ApiTokenDocument.model_validate_json,
    indexes=(Index("live_of", ("live_of",)), Index("key", ("key",), unique=True)),
)


class ApiTokens:
    """Everybody's tokens."""

    def __init__(self, store: Store, clock: Clock, audit: Audit) -> None:
        self.documents = Audited(store, API_TOKENS, audit, "token")
        self._clock = clock
        self._fresh: Fresh[ApiTokenDocument | None] = Fresh(clock)

    async def check(self, secret: str) -> ApiTokenDocument:
        """The token with this secret, as of at most FRESH_S ago. Raises Unauthorized."""
        shape = SHAPE.fullmatch(secret)
        if shape is None:
            raise Unauthorized(REFUSED)
        token = await self.live(shape[1])
        if token is None or not hmac.compare_digest(token.digest, _digest(secret)):
            raise Unauthorized(REFUSED)
        return token

    async def live(self, id: str) -> ApiTokenDocument | None:
        """The token of this id while it counts, as of at most FRESH_S ago."""
        token = await self._fresh.get(id, lambda: self.documents.get(id))
        return token if token is not None and token.key is not None else None

    async def of(self, owner: str) -> list[ApiTokenDocument]:
        """Those of one account that count, oldest first."""
        return await self.documents.all((Eq("live_of", owner),))

    async def create(self, author: Author, name: str, scope: Scope) -> tuple[ApiTokenDocument, str]:
        """A new token and its secret, which nobody can show again. Raises Conflict."""
        if len(await self.of(author.name)) >= MOST:
            raise Conflict(f"You have {MOST} API tokens, the most that there may be. Revoke one first.")
        now, id = self._clock.now(), new_id()
        secret = f"{PREFIX}{id}_{secrets.token_urlsafe(32)}"
        token = ApiTokenDocument(
            id=id,
            owner=author.name,
            name=name,
            scope=scope,
            digest=_digest(secret),
            key=f"{author.name}/{name}",
            live_of=author.name,
            created_at=now,
            change=author.change(now, "token.created", name=name, owner=author.name, scope=scope.value),
        )
        try:
            await self.documents.insert(token)
        except DuplicateKey:
            raise Conflict(f"You have an API token '{name}' already. Revoke it, or choose another name.") from None
        return token, secret

    async def revoke_all(self, owner: str, author: Author) -> None:
        """End every one of an account that goes."""
        for token in await self.of(owner):
            await self._end(owner, author, token.id)

    async def revoke(self, author: Author, id: str) -> None:
        """End one of one's own. Raises NotFound."""
        if not await self._end(author.name, author, id):
            raise NotFound(f"You have no API token {id}. List yours to see their ids.")

    async def _end(self, owner: str, author: Author, id: str) -> bool:
        """False: it is not this owner's, or does not count any more."""
        now = self._clock.now()

        def ended(token: ApiTokenDocument) -> ApiTokenDocument:
            change = author.change(now, "token.revoked", name=token.name, owner=token.owner, scope=token.scope.value)
            update = {"version": token.version + 1, "key": None, "live_of": None, "change": change}
            return token.model_copy(update=update)

        if not await end_own(self.documents, id, owner, ended):
            return False
        self._fresh.forget(id)
        return True


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
