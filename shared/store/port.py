"""The store port: typed collections of versioned documents, changed by compare-and-set only.

What a service may ask of a database, and no more; both adapters do all of it well, and one contract suite
(`tests/contract/test_store.py`) holds them to it. Documents are named by `id` and carry a `version`; the adapter
keeps a `mark` beside each, an integer that only rises and is no part of the versioned body (an outbox's watermark, a
lease's heartbeat).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from shared.contracts.errors import TemporaryError


class Document(Protocol):
    """Anything with an id and a version; the schema turns it into a JSON object and back."""

    @property
    def id(self) -> str: ...

    @property
    def version(self) -> int: ...


D = TypeVar("D", bound=Document)


class StoreError(Exception):
    """The base of what the store raises."""


class DuplicateKey(StoreError):
    """A document with this id, or with these values of a unique index, exists."""

    def __init__(self, id: str, index: str | None = None) -> None:
        super().__init__(f"a document with the id {id} or its key in {index or 'the collection'} exists")
        self.id = id
        self.index = index


class StoreUnavailable(StoreError, TemporaryError):
    """The database did not answer: nothing is known of a write that was under way. Read before repeating it."""


class StoreInUse(StoreError):
    """Another process holds the file."""


class IndexDiffers(StoreError):
    """Replicas of another version need an index as it is; a new start does not change it under them."""

    def __init__(self, collection: str, declared: str, existing: str) -> None:
        advice = (
            "Give the changed index a new name"
            if declared == existing
            else f"Declare it under the name {existing}, or change its fields"
        )
        super().__init__(
            f"The index {declared} of {collection} cannot be made: {existing} is there with another definition. "
            f"{advice}, so that old and new replicas work side by side."
        )


class UnknownField(StoreError):
    """A filter or sort over a field that no index declares: it would scan the collection."""


@dataclass(frozen=True)
class Eq:
    """The field has this value (None: null or missing)."""

    path: str
    value: str | int | float | bool | None


@dataclass(frozen=True)
class In:
    """The field has one of these values."""

    path: str
    values: tuple[str | int, ...]


@dataclass(frozen=True)
class NotIn:
    """The field has a value, but none of these. It narrows what an index finds and never chooses one."""

    path: str
    values: tuple[str | int, ...]


@dataclass(frozen=True)
class Between:
    """The field lies in [low, high); either end may be open (None). Strings compare by code point."""

    path: str
    low: str | int | float | None = None
    high: str | int | float | None = None


@dataclass(frozen=True)
class Prefix:
    """The string field begins with this, case-sensitive."""

    path: str
    value: str


Condition = Eq | In | NotIn | Between | Prefix
"""Conditions of one filter are joined by AND."""


@dataclass(frozen=True)
class Index:
    """An index over dotted paths of the document, in order; `-` before a path sorts it downwards.

    Every path of a filter or sort has to stand in some index of the schema. `unique` refuses a second document with
    the same values; documents in which one of the paths is null or missing are not held to it. A name means one
    definition for ever: an index that is changed gets a new name, because replicas of two versions work side by side.

    `only`: just the documents that meet this condition are in the index, so that others cost it nothing, and a change
    of its other fields nothing while they are out. It serves the queries that carry the very same condition.
    """

    name: str
    paths: tuple[str, ...]
    unique: bool = False
    only: Eq | Between | None = None


@dataclass(frozen=True)
class Schema(Generic[D]):
    """A collection: its name, how a document becomes JSON and back, and its indexes."""

    name: str
    dump: "Any"  # Callable[[D], bytes]: a JSON object; `Any` since a dataclass field would bind as a method
    load: "Any"  # Callable[[bytes], D]
    indexes: tuple[Index, ...] = ()


@dataclass(frozen=True)
class Swap(Generic[D]):
    """Replace the whole document if its stored version is `expected`. The document brings its own new version."""

    document: D
    expected: int


@dataclass(frozen=True)
class Guard:
    """Holds a transaction to a document of any collection of the store that it does not change: same version."""

    collection: str
    id: str
    version: int


@dataclass(frozen=True)
class Page(Generic[D]):
    """Documents in order, and where the next page begins (None: this is the last)."""

    items: tuple[D, ...]
    after: tuple[Any, ...] | None = None


@dataclass(frozen=True)
class Marked(Generic[D]):
    """A document with its mark."""

    document: D
    mark: int = field(default=0)


class Collection(Protocol[D]):
    """One collection. Every method may raise StoreUnavailable; a cancelled write may or may not have happened."""

    async def get(self, id: str) -> D | None:
        """The document as last committed."""

    async def get_many(self, ids: Sequence[str]) -> dict[str, D]:
        """Those of the documents that exist, by id."""

    async def insert(self, document: D) -> None:
        """Store a new document. Raises DuplicateKey."""

    async def insert_many(self, documents: Sequence[D]) -> list[DuplicateKey | None]:
        """Store each that can be stored, in one commit; the outcomes are in order."""

    async def swap(self, document: D, expected: int) -> bool:
        """Compare-and-set of the whole document; False: its version is another, nothing changed."""

    async def swap_many(self, swaps: Sequence[Swap[D]]) -> list[bool]:
        """Each swap for itself, all in one commit; the outcomes are in order."""

    async def transaction(self, swaps: Sequence[Swap[D]], guards: Sequence[Guard] = ()) -> bool:
        """All of the swaps if every one of them and every guard holds, else none of them."""

    async def find(
        self,
        where: Sequence[Condition] = (),
        sort: Sequence[str] = (),
        after: tuple[Any, ...] | None = None,
        limit: int = 100,
    ) -> Page[D]:
        """A page in the order of `sort` (paths, `-` for downwards; the id breaks ties in the last one's direction).

        `after` is a former page's: no document is seen twice or missed while others are inserted.
        """

    async def count(self, where: Sequence[Condition] = (), at_most: int | None = None) -> int:
        """How many there are; counting stops at `at_most`."""

    async def count_by(self, path: str, where: Sequence[Condition] = ()) -> dict[str, int]:
        """How many there are for each value of a field."""

    async def delete(self, id: str) -> bool:
        """Remove it; False if there was none."""

    async def raise_marks(self, marks: Mapping[str, int]) -> None:
        """Raise the marks of these documents to at least these values; a lower one changes nothing."""

    async def marked(self, id: str) -> Marked[D] | None:
        """The document and its mark (0 if it was never raised)."""

    async def behind(self, limit: int = 100) -> list[Marked[D]]:
        """Documents whose mark is lower than their version, served by an index over just these."""


class Store(Protocol):
    """A database of one service."""

    def collection(self, schema: Schema[D]) -> Collection[D]:
        """The collection for this schema; call it before `open`."""

    async def open(self) -> None:
        """Connect, and create what the schemas declare. Raises StoreInUse, StoreUnavailable or IndexDiffers."""

    async def ping(self) -> None:
        """Raises StoreUnavailable when the database does not answer."""

    async def close(self) -> None:
        """Finish what is under way and let go."""
