"""Idempotency keys in a store: one owner's key names one document for 24 h, however many writers there are.

What the unique indexes refuse is found by the same key: whoever comes second answers with the first one's document.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from shared.contracts.errors import Conflict
from shared.contracts.idempotency import Idempotency, counts, day_of
from shared.store.port import Collection, Document, Eq, In, Index

WINDOWS = {"idempotency_key": "idempotency.day", "idempotency_key_noon": "idempotency.noon"}
KEY = "idempotency.key"


class Keyed(Document, Protocol):
    """A document that somebody's request made."""

    @property
    def idempotency(self) -> Idempotency | None: ...


D = TypeVar("D", bound=Keyed)


def key_indexes(owner: str) -> tuple[Index, ...]:
    """The indexes that hold a collection to it; `owner` is the path of whose key it is."""
    return tuple(Index(name, (owner, KEY, window), unique=True) for name, window in WINDOWS.items())


def is_key(index: str | None) -> bool:
    """Whether a DuplicateKey of this index means that the key is taken."""
    return index in WINDOWS


def used_for_another(id: str) -> Conflict:
    """The refusal of a key that came with another request before."""
    return Conflict("The Idempotency-Key was used for another request. Take a new key.", details={"id": id})


class Keys(Generic[D]):
    """Finds the documents of one collection by their keys."""

    def __init__(self, collection: Collection[D], owner: str, made_at: Callable[[D], datetime]) -> None:
        self._collection = collection
        self._owner = owner
        self._made_at = made_at

    async def find(self, owner: str, keys: Iterable[str], now: datetime) -> dict[str, D]:
        """Somebody's documents that were made with these keys in the last 24 h, by key, with one question."""
        wanted = tuple(keys)
        today = day_of(now)
        days = (today - 1, today, today + 1)  # tomorrow: another replica's clock may have passed midnight
        where = (Eq(self._owner, owner), In(KEY, wanted), In("idempotency.day", days))
        order = (KEY, "idempotency.day")  # in that of ids SQLite would walk over all that the owner has
        page = await self._collection.find(where, order, limit=len(days) * len(wanted))
        recent = sorted((made for made in page.items if counts(self._made_at(made), now)), key=self._made_at)
        return {made.idempotency.key: made for made in recent if made.idempotency is not None}
