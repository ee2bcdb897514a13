"""Tickets: what Grafana shows to the gateway in the name of whoever looks at a dashboard.

Grafana passes the cookie TICKET on to the data source, and to no other (`keepCookies`). A ticket counts for LASTS_S,
under the path to Prometheus alone, and no longer than what its owner is signed in with.
"""

from functools import partial
from typing import Any

import jwt

from services.gateway.credentials import SignedIn
from services.gateway.domain.access import Caller
from services.gateway.identity import Identity
from services.gateway.keys import Keys
from services.gateway.tokens import ALGORITHM, ISSUER
from shared.clock import Clock
from shared.contracts.errors import Unauthorized

AUDIENCE = "jobyard-grafana"
LASTS_S = 60
LONGEST = 4096
REFUSED = "This dashboard's way to its figures has ended. Load it again."


class Tickets:
    """Makes and reads them."""

    def __init__(self, keys: Keys, identity: Identity, clock: Clock) -> None:
        self._keys = keys
        self._identity = identity
        self._clock = clock

    def issue(self, who: SignedIn) -> str:
        """A ticket for whoever is asking."""
        key = self._keys.newest
        expires = int(self._clock.now().timestamp()) + LASTS_S
        claims = {"iss": ISSUER, "aud": AUDIENCE, "exp": expires, "credential": who.credential}
        return jwt.encode(claims, key.private, algorithm=ALGORITHM, headers={"kid": key.id})

    async def of(self, ticket: str) -> SignedIn:
        """Whose it is. Raises Unauthorized."""
        since = self._clock.monotonic()
        claims = await self._claims(ticket)
        if claims["exp"] <= self._clock.now().timestamp():
            raise Unauthorized(REFUSED)
        entrant = await self._identity.again(claims["credential"])
        again = partial(self._now, ticket)
        return SignedIn(entrant.caller, claims["exp"], since, again, entrant.credential, entrant.token)

    async def _now(self, ticket: str) -> Caller:
        return (await self.of(ticket)).caller

    async def _claims(self, ticket: str) -> dict[str, Any]:
        try:
            kid = jwt.get_unverified_header(ticket[:LONGEST]).get("kid")
            key = await self._keys.get(kid) if isinstance(kid, str) else None
            if key is None:
                raise Unauthorized(REFUSED)
            claims: dict[str, Any] = jwt.decode(
                ticket,
                key.private.public_key(),
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": ["exp", "credential"], "strict_aud": True, "verify_exp": False},
            )
        except jwt.InvalidTokenError:
            raise Unauthorized(REFUSED) from None
        return claims
