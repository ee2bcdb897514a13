"""The Idempotency-Key that a document was made with, and the day in which nobody else may use it.

A key is unique within two windows of 24 h, one from midnight to midnight and one from noon to noon (UTC). Two moments
less than half a day apart have one of them in common, so two writers that don't know of one another never both make a
document, at midnight as little as at any other time; two moments a whole day apart have none in common, so the key is
free again.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import Field

from shared.contracts.base import Contract

DAY = timedelta(days=1)
"""How long a key counts."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Idempotency(Contract):
    """The key, and a hash of the body that came with it."""

    key: str
    fingerprint: str
    day: Annotated[int, Field(description="Days since 1970, from midnight to midnight.")]
    noon: Annotated[int | None, Field(description="The same from noon to noon; none: made by version 0.1.")] = None

    def is_of(self, fingerprint: str | None) -> bool:
        """Whether a request with the same key is the same request: it has the same body."""
        return self.fingerprint == (fingerprint or "")


def claimed(key: str | None, fingerprint: str | None, now: datetime) -> Idempotency | None:
    """The key of a request as its document keeps it; None for a request without one."""
    if key is None:
        return None
    return Idempotency(key=key, fingerprint=fingerprint or "", day=day_of(now), noon=day_of(now + DAY / 2))


def counts(made_at: datetime, now: datetime) -> bool:
    """Whether the key of a document that was made then is still taken. Another's clock may be ahead."""
    return now - made_at < DAY


def day_of(moment: datetime) -> int:
    """Whole days since 1970."""
    return (moment - EPOCH) // DAY
