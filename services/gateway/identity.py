"""From a token or a key to the person behind it: what it claims, and what accounts and VCs say of its owner now.

What let somebody in has a name, its credential, by which whoever keeps a connection open asks again later.
"""

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from services.gateway.accounts import Accounts
from services.gateway.apitokens import PREFIX, ApiTokenDocument, ApiTokens
from services.gateway.credentials import SignedIn
from services.gateway.domain.access import Caller
from services.gateway.fresh import Fresh
from services.gateway.signouts import SignOuts
from services.gateway.sshkeys import SshKeys
from services.gateway.tokens import EXPIRED, REFUSED, Claims, Tokens
from services.gateway.vcs import Vcs
from shared.clock import Clock
from shared.contracts.errors import Unauthorized


@dataclass(frozen=True)
class Entrant:
    """Somebody at a job's door, the name of what let them in, and the names that people gave to that."""

    caller: Caller
    credential: str
    token: str | None = None
    key: str | None = None


@dataclass(frozen=True)
class _Known:
    """An account as far as requests need it."""

    caller: Caller
    generation: int


SESSION = re.compile(r"([0-9]{1,12}):([0-9]{1,12}):([^:]*):([^:]+)")
NO_KEY = "This SSH key does not count. Add it with `jobyard key add`."


class Identity:
    """Checks tokens and keys against the accounts, as they were at most FRESH_S ago."""

    def __init__(
        self,
        tokens: Tokens,
        sign_outs: SignOuts,
        api_tokens: ApiTokens,
        keys: SshKeys,
        accounts: Accounts,
        vcs: Vcs,
        clock: Clock,
    ) -> None:
        self._tokens = tokens
        self._sign_outs = sign_outs
        self._api_tokens = api_tokens
        self._keys = keys
        self._accounts = accounts
        self._vcs = vcs
        self._clock = clock
        self._known: Fresh[_Known | None] = Fresh(clock)

    async def of(self, token: str) -> SignedIn:
        """Raises Unauthorized, also for an account that is disabled, or not there any more."""
        since = self._clock.monotonic()
        if token.startswith(PREFIX):
            return await self._of_api_token(token, since)
        claims = await self._tokens.check(token)
        caller = await self._signed_in(claims)
        credential = f"session:{int(claims.expires)}:{claims.generation}:{claims.id or ''}:{claims.name}"
        return SignedIn(caller, claims.expires, since, partial(self._now, token), credential)

    async def of_token(self, token: str) -> Entrant:
        """The same for a job's door."""
        who = await self.of(token)
        return Entrant(who.caller, who.credential, token=who.api_token)

    async def of_key(self, public_key: str) -> list[Entrant]:
        """Whose key this is, at least one, the account that has had it the longest first; that they hold it is proven
        already. Raises Unauthorized.
        """
        found = []
        for key in await self._keys.holders_of(public_key):
            with suppress(Unauthorized):
                found.append(Entrant((await self._account(key.owner)).caller, f"key:{key.id}", key=key.name))
        if not found:
            raise Unauthorized(NO_KEY)
        return found

    async def again(self, credential: str) -> Entrant:
        """What the person whom it let in is by now. Raises Unauthorized once it does not count any more."""
        kind, _, rest = credential.partition(":")
        if kind == "key" and (key := await self._keys.live(rest)) is not None:
            return Entrant((await self._account(key.owner)).caller, credential, key=key.name)
        if kind == "token" and (token := await self._api_tokens.live(rest)) is not None:
            return Entrant(await self._by_api_token(token), credential, token=token.name)
        if kind == "session" and (session := SESSION.fullmatch(rest)) is not None:
            expires, generation, id, name = session.groups()
            if self._tokens.left_s(float(expires)) == 0:
                raise Unauthorized(EXPIRED)
            return Entrant(await self._signed_in(Claims(name, float(expires), int(generation), id or None)), credential)
        raise Unauthorized(NO_KEY if kind == "key" else REFUSED)

    async def of_account(self, name: str) -> Caller:
        """What the owner of this account is by now. Raises Unauthorized."""
        return (await self._account(name)).caller

    async def _of_api_token(self, secret: str, since: float) -> SignedIn:
        """It counts until it is revoked; streams that were opened with it last as long as those of a sign-in."""
        token = await self._api_tokens.check(secret)
        caller = await self._by_api_token(token)
        until = self._clock.now().timestamp() + self._tokens.ttl_s
        return SignedIn(caller, until, since, partial(self._now, secret), f"token:{token.id}", token.name)

    async def _by_api_token(self, token: ApiTokenDocument) -> Caller:
        return replace((await self._account(token.owner)).caller, scope=token.scope)

    async def _signed_in(self, claims: Claims) -> Caller:
        if claims.id is not None and await self._sign_outs.has_ended(claims.id):
            raise Unauthorized(REFUSED)
        known = await self._account(claims.name)
        if claims.generation > known.generation:  # signed in just after a change that another replica made
            self._known.forget(claims.name)
            known = await self._account(claims.name)
        if claims.generation != known.generation:
            raise Unauthorized(REFUSED)
        return known.caller

    async def _now(self, token: str) -> Caller:
        """What the token's owner is by now. Raises Unauthorized."""
        return (await self.of(token)).caller

    async def _account(self, name: str) -> _Known:
        """Raises Unauthorized; that an account does not count is never remembered."""
        known = await self._known.get(name, partial(self._read, name))
        if known is None:
            self._known.forget(name)
            raise Unauthorized(REFUSED)
        return known

    async def _read(self, name: str) -> _Known | None:
        account = await self._accounts.get(name)
        if account is None or account.disabled:
            return None
        closed = await self._vcs.closed(account.vcs)
        caller = Caller(account.id, account.admin, account.vcs, closed=closed)
        return _Known(caller, account.generation)
