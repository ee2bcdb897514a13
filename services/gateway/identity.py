"""From a token to the person behind it: what the token claims, and what accounts and VCs say of its owner now."""

from dataclasses import dataclass, replace
from functools import partial

from services.gateway.accounts import Accounts
from services.gateway.apitokens import PREFIX, ApiTokens
from services.gateway.domain.access import Caller
from services.gateway.door import SignedIn
from services.gateway.fresh import Fresh
from services.gateway.tokens import REFUSED, Tokens
from services.gateway.vcs import Vcs
from shared.clock import Clock
from shared.contracts.errors import Unauthorized


@dataclass(frozen=True)
class _Known:
    """An account as far as requests need it."""

    caller: Caller
    generation: int


class Identity:
    """Checks tokens against the accounts, as they were at most FRESH_S ago."""

    def __init__(self, tokens: Tokens, api_tokens: ApiTokens, accounts: Accounts, vcs: Vcs, clock: Clock) -> None:
        self._tokens = tokens
        self._api_tokens = api_tokens
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
        known = await self._account(claims.name)
        if claims.generation > known.generation:  # signed in just after a change that another replica made
            self._known.forget(claims.name)
            known = await self._account(claims.name)
        if claims.generation != known.generation:
            raise Unauthorized(REFUSED)
        return SignedIn(known.caller, claims.expires, since, partial(self._now, token))

    async def _of_api_token(self, secret: str, since: float) -> SignedIn:
        """It counts until it is revoked; streams that were opened with it last as long as those of a sign-in."""
        token = await self._api_tokens.check(secret)
        known = await self._account(token.owner)
        until = self._clock.now().timestamp() + self._tokens.ttl_s
        caller = replace(known.caller, scope=token.scope)
        return SignedIn(caller, until, since, partial(self._now, secret), api_token=token.name)

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
