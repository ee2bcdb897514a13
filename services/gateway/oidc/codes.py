"""One-time codes: what a browser brings from the callback to its page, worth a token once and for a minute.

A token in an address would stay in histories and logs. The code is worth nothing without the verifier that the page
kept, so neither who sees the address nor a page that somebody else's sign-in was pushed on gets anything.
"""

import hashlib
import hmac
import secrets
from datetime import timedelta

from services.gateway.oidc.state import challenge_of
from shared.clock import Clock
from shared.contracts.base import Contract, Timestamp, UserName, rfc3339
from shared.contracts.errors import Unauthorized
from shared.store.port import Between, Index, Schema, Store

LASTS_S = 60
SPENT = "This code does not count any more. Sign in again."


class CodeDocument(Contract):
    """A code that was not used yet; its id is the code's SHA-256."""

    id: str
    version: int = 1
    name: UserName
    challenge: str
    until: Timestamp


CODES = Schema[CodeDocument](
    "oidc_codes",
    dump=lambda code: code.model_dump_json().encode(),
    load=CodeDocument.model_validate_json,
    indexes=(Index("until", ("until",)),),
)


class Codes:
    """Gives codes and takes them back."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._documents = store.collection(CODES)
        self._clock = clock

    async def give(self, name: str, challenge: str) -> str:
        """A code for this account. Those that nobody came for go."""
        now = self._clock.now()
        for stale in (await self._documents.find((Between("until", high=rfc3339(now)),), ("until",))).items:
            await self._documents.delete(stale.id)
        code = secrets.token_urlsafe(32)
        until = now + timedelta(seconds=LASTS_S)
        await self._documents.insert(CodeDocument(id=_digest(code), name=name, challenge=challenge, until=until))
        return code

    async def take(self, code: str, verifier: str) -> str:
        """Whose it is; a second time it is nobody's. Raises Unauthorized."""
        document = await self._documents.get(_digest(code))
        if document is None or document.until <= self._clock.now():
            raise Unauthorized(SPENT)
        if not hmac.compare_digest(document.challenge, challenge_of(verifier)):
            raise Unauthorized(SPENT)
        if not await self._documents.delete(document.id):
            raise Unauthorized(SPENT)
        return document.name


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
