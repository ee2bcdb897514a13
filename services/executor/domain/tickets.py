"""One-use tickets: whoever was told one may come in once, within seconds."""

import hmac
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

LIFETIME_S = 10.0
LIMIT = 1024
"""The most that may be out at a time."""
LIMIT_OF_ONE = 128
"""Of them for one holder, so that nobody takes them all."""
_ID = 16
"""So much of a ticket finds it; the rest is compared in a time that says nothing."""


@dataclass(frozen=True)
class _Issued(Generic[T]):
    what: T
    holder: str
    secret: str
    until: float


class Tickets(Generic[T]):
    """The tickets that are out, each for something. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._issued: dict[str, _Issued[T]] = {}

    def issue(self, ticket: str, what: T, holder: str, now: float) -> bool:
        """Accept this random text once; false when too many are out, in all or for this holder."""
        for id in [id for id, issued in self._issued.items() if issued.until <= now]:
            del self._issued[id]
        of_holder = sum(issued.holder == holder for issued in self._issued.values())
        if len(self._issued) >= LIMIT or of_holder >= LIMIT_OF_ONE:
            return False
        self._issued[ticket[:_ID]] = _Issued(what, holder, ticket[_ID:], now + LIFETIME_S)
        return True

    def redeem(self, ticket: str, now: float) -> T | None:
        """What it is for; none if it is not one, not any more, or was shown before. One try each."""
        issued = self._issued.pop(ticket[:_ID], None)
        if issued is None or issued.until <= now:
            return None
        same = hmac.compare_digest(issued.secret.encode(), ticket[_ID:].encode(errors="replace"))
        return issued.what if same else None
