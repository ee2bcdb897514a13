"""ID tokens that another client of the issuer passes on: Grafana asks in the name of who is signed in there.

They let somebody ask Prometheus and nothing else. Accounts are made by signing in here, never by these tokens, so that
what somebody may see is always what this platform knows of them.
"""

from functools import partial

from services.gateway.accounts import Accounts
from services.gateway.credentials import SignedIn
from services.gateway.domain.access import Caller
from services.gateway.fresh import Fresh
from services.gateway.identity import Identity
from services.gateway.oidc.idtoken import IdTokens
from services.gateway.oidc.settings import OidcSettings
from shared.clock import Clock
from shared.contracts.errors import Unauthorized

UNKNOWN = "The platform does not know you yet. Sign in to it once, then ask again."


class Forwarded:
    """Whose a token is that was passed on."""

    def __init__(
        self, settings: OidcSettings, id_tokens: IdTokens, accounts: Accounts, identity: Identity, clock: Clock
    ) -> None:
        self._issuer = settings.issuer
        self._id_tokens = id_tokens
        self._accounts = accounts
        self._identity = identity
        self._clock = clock
        self._names: Fresh[str | None] = Fresh(clock)

    async def of(self, token: str) -> SignedIn:
        """Raises Unauthorized, also for somebody who has no account here, or a disabled one."""
        since = self._clock.monotonic()
        claims = await self._id_tokens.check(token, None)
        subject = f"{self._issuer} {claims['sub']}"
        name = await self._names.get(subject, partial(self._name, subject))
        if name is None:
            self._names.forget(subject)
            raise Unauthorized(UNKNOWN)
        caller = await self._identity.of_account(name)
        return SignedIn(caller, claims["exp"], since, partial(self._now, token), f"forwarded:{name}")

    async def _now(self, token: str) -> Caller:
        return (await self.of(token)).caller

    async def _name(self, subject: str) -> str | None:
        account = await self._accounts.of_subject(subject)
        return None if account is None else account.id
