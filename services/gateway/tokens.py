"""Tokens: JWTs signed with Ed25519, checked for everything they claim; one that counts is remembered until it ends."""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import jwt

from services.gateway.keys import Keys
from shared.clock import Clock
from shared.contracts.errors import Unauthorized
from shared.ids import new_id

ALGORITHM = "EdDSA"
ISSUER = "jobyard"
AUDIENCE = "jobyard-api"
REQUIRED = ["iss", "aud", "sub", "iat", "exp"]
CLOCK_SKEW_S = 60
"""How far ahead another replica's clock may be."""
REMEMBERED = 10_000
LONGEST = 4096

REFUSED = "This token does not count. Sign in again for a new one."
EXPIRED = "This token has expired. Sign in again for a new one."


@dataclass(frozen=True)
class Claims:
    """What a token that counts says: whose it is, until when (seconds since 1970), of which generation, and its id."""

    name: str
    expires: float
    generation: int
    id: str | None = None


class Tokens:
    """Gives tokens and checks them."""

    def __init__(self, keys: Keys, clock: Clock, ttl_s: int) -> None:
        self._keys = keys
        self._clock = clock
        self.ttl_s = ttl_s
        self._known: OrderedDict[bytes, Claims] = OrderedDict()

    def issue(self, name: str, generation: int = 0) -> str:
        """A new token for this account; it counts while the account is of this generation."""
        now = int(self._clock.now().timestamp())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": name,
            "iat": now,
            "exp": now + self.ttl_s,
            "jti": new_id(),
            "gen": generation,
        }
        key = self._keys.newest
        return jwt.encode(claims, key.private, algorithm=ALGORITHM, headers={"kid": key.id})

    def left_s(self, expires: float) -> float:
        """Seconds until then."""
        return max(0.0, expires - self._clock.now().timestamp())

    async def check(self, token: str) -> Claims:
        """What the token says. Raises Unauthorized."""
        if len(token) > LONGEST:
            raise Unauthorized(REFUSED)
        digest = hashlib.sha256(token.encode()).digest()
        claims = self._known.get(digest)
        if claims is None:
            claims = await self._verified(token)
            self._known[digest] = claims
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        if claims.expires <= self._clock.now().timestamp():
            self._known.pop(digest, None)
            raise Unauthorized(EXPIRED)
        return claims

    async def _verified(self, token: str) -> Claims:
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") != ALGORITHM or "crit" in header or not isinstance(header.get("kid"), str):
                raise Unauthorized(REFUSED)
            key = await self._keys.get(header["kid"])
            if key is None:
                raise Unauthorized(REFUSED)
            claims = _decoded(token, key.private.public_key())
        except jwt.InvalidTokenError:
            raise Unauthorized(REFUSED) from None
        if not _is_moment(claims["exp"]) or not _is_moment(claims["iat"]):
            raise Unauthorized(REFUSED)
        if claims["iat"] > self._clock.now().timestamp() + CLOCK_SKEW_S:
            raise Unauthorized(REFUSED)
        generation = claims.get("gen", 0)
        id = claims.get("jti")
        if not isinstance(generation, int) or not isinstance(id, str | None):
            raise Unauthorized(REFUSED)
        return Claims(claims["sub"], float(claims["exp"]), generation, id)


def _decoded(token: str, public_key: Any) -> dict[str, Any]:
    """Signature, issuer and audience by the library; the times by our own clock."""
    return jwt.decode(
        token,
        public_key,
        algorithms=[ALGORITHM],
        audience=AUDIENCE,
        issuer=ISSUER,
        options={"require": REQUIRED, "strict_aud": True, "verify_exp": False, "verify_iat": False},
    )


def _is_moment(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e11
