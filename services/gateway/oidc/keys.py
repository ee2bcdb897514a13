"""The issuer's public keys. A key that is not known may be a new one: they are fetched again, at most once a minute."""

import asyncio

import jwt
import structlog

from services.gateway.oidc.issuer import AWAY, KNOWN_S, Issuer
from shared.clock import Clock
from shared.contracts.errors import Unavailable

log = structlog.get_logger()

REFETCH_S = 60.0


class IssuerKeys:
    """Keys by their `kid`. Those that the issuer does not list any more stop counting after KNOWN_S."""

    def __init__(self, issuer: Issuer, clock: Clock) -> None:
        self._issuer = issuer
        self._clock = clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._searched_at = float("-inf")
        self._fetching = asyncio.Lock()

    async def get(self, kid: str) -> jwt.PyJWK | None:
        """The key of this id, None if the issuer has none. Raises Unavailable."""
        async with self._fetching:
            now = self._clock.monotonic()
            if now - self._fetched_at >= KNOWN_S:
                await self._fetch()
            elif kid not in self._keys and now - self._searched_at >= REFETCH_S:
                self._searched_at = now
                await self._fetch()
        return self._keys.get(kid)

    async def _fetch(self) -> None:
        said = await self._issuer.fetch((await self._issuer.description()).jwks_uri)
        listed = said.get("keys") if isinstance(said, dict) else None
        if not isinstance(listed, list):
            raise Unavailable(AWAY)
        self._keys = {key.key_id: key for item in listed if (key := _key(item)) is not None and key.key_id}
        self._fetched_at = self._clock.monotonic()


def _key(item: object) -> jwt.PyJWK | None:
    """A key for signatures; others, and kinds that are not known here, are left out."""
    if not isinstance(item, dict) or item.get("use", "sig") != "sig" or item.get("kty") == "oct":
        return None
    try:
        return jwt.PyJWK(item)
    except (jwt.PyJWKError, jwt.InvalidKeyError, ValueError, TypeError) as error:
        log.warning("oidc_key_skipped", error=str(error))
        return None
