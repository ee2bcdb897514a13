"""The key that all replicas of the door share, and the cookies that they sign with it.

Made once, by whichever replica inserts it first. A cookie names one endpoint, one person and what let them in, and
counts nowhere else; the permission itself is asked for anew all the time, so a cookie is never more than that.
"""

import base64
import binascii
import hmac
import secrets

from pydantic import ConfigDict, Field, ValidationError

from shared.contracts.base import Contract, JobId, Timestamp, UserName
from shared.store.once import made_once
from shared.store.port import Schema, Store

LONGEST = 4096
_ID = "cookie"


class SealKey(Contract):
    """The stored key."""

    model_config = ConfigDict(hide_input_in_errors=True)

    id: str = _ID
    version: int = 1
    seed: str = Field(repr=False)


SEAL_KEYS = Schema[SealKey](
    "seal_keys", dump=lambda key: key.model_dump_json().encode(), load=SealKey.model_validate_json
)


class Stamp(Contract):
    """What a cookie says."""

    job_id: JobId
    name: str
    user: UserName
    credential: str
    expires_at: Timestamp
    address: str | None = None
    """Where it counts from alone; None: from anywhere."""

    def counts(self, now: Timestamp, address: str) -> bool:
        """Whether it lets in who shows it from there."""
        return self.expires_at > now and self.address in (None, address)


class Seal:
    """Signs and reads cookies."""

    def __init__(self, store: Store) -> None:
        self._keys = store.collection(SEAL_KEYS)
        self._key = b""

    async def start(self) -> None:
        """Read the key; the first start of all makes it."""
        self._key = base64.b64decode((await made_once(self._keys, _ID, _made)).seed)

    def sealed(self, stamp: Stamp) -> str:
        """The cookie's value."""
        body = base64.urlsafe_b64encode(stamp.model_dump_json().encode()).decode().rstrip("=")
        return f"{body}.{self._mark(body)}"

    def opened(self, value: str) -> Stamp | None:
        """What a cookie says, if it was signed here; whether it still counts is for the reader to say."""
        body, _, mark = value.partition(".")
        if len(value) > LONGEST or not value.isascii() or not hmac.compare_digest(mark, self._mark(body)):
            return None
        try:
            return Stamp.model_validate_json(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        except (binascii.Error, ValidationError):
            return None

    def _mark(self, body: str) -> str:
        digest = hmac.digest(self._key, b"jobyard-endpoint:" + body.encode(), "sha256")
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _made() -> SealKey:
    return SealKey(seed=base64.b64encode(secrets.token_bytes(32)).decode())
