"""What has to come back with a sign-in: signed by this platform, so that beginning one stores nothing.

`state` carries the nonce, the browser's challenge and where to go on. The PKCE verifier is derived from it with a key
that only this platform has, so that neither the browser nor the issuer can know it before it is used.
"""

import base64
import hashlib
import secrets
from dataclasses import dataclass

import jwt

from services.gateway.keys import Keys
from services.gateway.tokens import ALGORITHM, ISSUER
from shared.clock import Clock
from shared.contracts.errors import Unauthorized

AUDIENCE = "jobyard-oidc-state"
LASTS_S = 600
LONGEST = 4096
STALE = "This sign-in was not begun here, or too long ago. Begin again."


@dataclass(frozen=True)
class Begun:
    """A sign-in that was begun."""

    nonce: str
    challenge: str
    return_to: str


class States:
    """Makes and reads `state`."""

    def __init__(self, keys: Keys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    def begin(self, challenge: str, return_to: str) -> tuple[str, Begun]:
        """A new state, and what it says."""
        begun = Begun(secrets.token_urlsafe(24), challenge, return_to)
        key = self._keys.newest
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "exp": int(self._clock.now().timestamp()) + LASTS_S,
            "nonce": begun.nonce,
            "challenge": challenge,
            "return_to": return_to,
        }
        return jwt.encode(claims, key.private, algorithm=ALGORITHM, headers={"kid": key.id}), begun

    async def read(self, state: str) -> Begun:
        """What it says. Raises Unauthorized."""
        try:
            kid = jwt.get_unverified_header(state[:LONGEST]).get("kid")
            key = await self._keys.get(kid) if isinstance(kid, str) else None
            if key is None:
                raise Unauthorized(STALE)
            claims = jwt.decode(
                state,
                key.private.public_key(),
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": ["exp"], "verify_exp": False},
            )
        except jwt.InvalidTokenError:
            raise Unauthorized(STALE) from None
        if claims["exp"] <= self._clock.now().timestamp():
            raise Unauthorized(STALE)
        return Begun(claims["nonce"], claims["challenge"], claims["return_to"])

    async def verifier(self, state: str) -> str:
        """The PKCE verifier that belongs to this state, which `read` or `begin` has given."""
        key = await self._keys.get(jwt.get_unverified_header(state)["kid"])
        assert key is not None, "a state that was read has a key"
        return _url_safe(key.derived(f"pkce:{state}"))


def challenge_of(verifier: str) -> str:
    """RFC 7636, S256."""
    return _url_safe(hashlib.sha256(verifier.encode()).digest())


def _url_safe(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
