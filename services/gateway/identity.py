"""From a token to the person behind it: what the token claims, and what the accounts say of its owner now."""

from services.gateway.accounts import Accounts
from services.gateway.door import SignedIn
from services.gateway.tokens import REFUSED, Tokens
from shared.contracts.errors import Unauthorized


class Identity:
    """Checks tokens against the accounts."""

    def __init__(self, tokens: Tokens, accounts: Accounts) -> None:
        self._tokens = tokens
        self._accounts = accounts

    async def of(self, token: str) -> SignedIn:
        """Raises Unauthorized, also for an account that is not there any more."""
        claims = await self._tokens.check(token)
        caller = await self._accounts.caller(claims.name)
        if caller is None:
            raise Unauthorized(REFUSED)
        return SignedIn(caller, claims.expires)
