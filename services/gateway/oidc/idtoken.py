"""ID tokens: who signed them, for whom, when, and in answer to which question (OpenID Connect Core 3.1.3.7)."""

import hmac
from typing import Any

import jwt

from services.gateway.oidc.issuer import REFUSED
from services.gateway.oidc.keys import IssuerKeys
from services.gateway.oidc.settings import OidcSettings
from shared.clock import Clock
from shared.contracts.errors import Unauthorized

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures that only the holder of a private key can make: neither `none` nor anything with a shared secret."""
CLOCK_SKEW_S = 60
LONGEST = 16_384


class IdTokens:
    """Checks ID tokens that the issuer made for one of these clients."""

    def __init__(self, settings: OidcSettings, keys: IssuerKeys, clock: Clock, clients: tuple[str, ...]) -> None:
        self._settings = settings
        self._keys = keys
        self._clock = clock
        self._clients = clients

    async def check(self, token: object, nonce: str | None) -> dict[str, Any]:
        """Its claims. `nonce`: what was asked with; None where the flow has none. Raises Unauthorized."""
        if not isinstance(token, str) or len(token) > LONGEST:
            raise Unauthorized(REFUSED)
        try:
            claims = await self._verified(token)
        except jwt.InvalidTokenError:
            raise Unauthorized(REFUSED) from None
        now = self._clock.now().timestamp()
        if (
            not _is_moment(claims["exp"])
            or claims["exp"] <= now - CLOCK_SKEW_S
            or not _is_moment(claims["iat"])
            or claims["iat"] > now + CLOCK_SKEW_S
            or not claims["sub"]
            or (isinstance(claims["aud"], list) and claims.get("azp") not in self._clients)
            or (nonce is not None and not _same(claims.get("nonce"), nonce))
        ):
            raise Unauthorized(REFUSED)
        return claims

    async def _verified(self, token: str) -> dict[str, Any]:
        header = jwt.get_unverified_header(token)
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in ALGORITHMS or "crit" in header or not isinstance(kid, str):
            raise Unauthorized(REFUSED)
        key = await self._keys.get(kid)
        if key is None or key.algorithm_name != algorithm:
            raise Unauthorized(REFUSED)
        return jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=self._clients,
            issuer=self._settings.issuer,
            options={"require": ["iss", "aud", "sub", "iat", "exp"], "verify_exp": False, "verify_iat": False},
        )


def _same(said: object, asked: str) -> bool:
    return isinstance(said, str) and hmac.compare_digest(said.encode(), asked.encode())


def _is_moment(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e11
