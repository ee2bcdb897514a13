"""What a filter, a sort order and a page's end mean, in terms that every adapter can translate one by one.

Both adapters answer a query through this module, so that they agree on order, on nulls and on where a page begins:
a field that is null and one that is missing are the same, and come before every value. Paths lead through objects
(never arrays) to strings, numbers or booleans, and a path holds values of one of these kinds only.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from shared.store.port import Between, Condition, Eq, In, Index, NotIn, Prefix, Schema, UnknownField

ID = "id"
"""The path that every collection knows and every order ends with."""

_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LAST, _SURROGATES = 0x10FFFF, range(0xD800, 0xE000)

Operator = Literal["is", "in", "not_in", "at_least", "above", "below", "null", "some"]


@dataclass(frozen=True)
class Test:
    """One comparison of a field. `some` is any value but null; comparisons are false for null and other kinds."""

    __test__ = False  # pytest: not a test class

    path: str
    operator: Operator
    value: Any = None


@dataclass(frozen=True)
class Key:
    """One step of a sort order."""

    path: str
    down: bool


@dataclass(frozen=True)
class Query:
    """A page to look up: what meets one of `starts`, one after the other until the page is full.

    Each start is all that a document has to meet, and a range of `order` that one index walk serves: first what equals
    the former page's last document in all keys but the last, then what equals it in fewer. Without any start, nothing
    lies behind that document.
    """

    order: tuple[Key, ...]
    starts: tuple[tuple[Test, ...], ...]


class Fields:
    """The paths of a collection that may be asked for: the id, and those of its indexes."""

    def __init__(self, schema: Schema[Any]) -> None:
        names = [schema.name, *(index.name for index in schema.indexes)]
        paths = [path for index in schema.indexes for path in paths_of(index)]
        for text, pattern in [*((name, _NAME) for name in names), *((path, _PATH) for path in paths)]:
            if not pattern.fullmatch(text):
                raise ValueError(f"the collection {schema.name} declares {text!r}, which is neither a name nor a path")
        for index in schema.indexes:
            _check_only(schema.name, index)
        self._collection = schema.name
        self._paths = frozenset((ID, *paths))
        self._fixed = tuple(test for index in schema.indexes for test in tests_of(index))

    def check(self, path: str) -> str:
        """The path. Raises UnknownField."""
        if path not in self._paths:
            raise UnknownField(f"no index of the collection {self._collection} has the field {path!r}")
        return path

    def filter(self, where: Sequence[Condition]) -> tuple[Test, ...]:
        """The conditions as tests. Raises UnknownField."""
        return tuple(test for condition in where for test in _tests(self.check(condition.path), condition))

    def query(
        self, where: Sequence[Condition], sort: Sequence[str], after: tuple[Any, ...] | None, limit: int
    ) -> Query:
        """Raises UnknownField, and ValueError for a limit below 1 or an `after` that is no place in this order."""
        if limit < 1:
            raise ValueError(f"a page holds at least one document, not {limit}")
        order = tuple(_ordered(_key(text) for text in sort))
        for key in order:
            self.check(key.path)
        filter = self.filter(where)
        if after is None:
            return Query(order, (filter,))
        if len(after) != len(order):
            raise ValueError(f"`after` has {len(after)} values, but the order has {len(order)} keys")
        starts = (start for start in _starts(order, after) if not _is_void(filter, start))
        return Query(order, tuple((*self._left_of(filter, start), *start) for start in starts))

    def _left_of(self, filter: tuple[Test, ...], start: tuple[Test, ...]) -> tuple[Test, ...]:
        """The filter without the bounds that the values at which a start stands are within: SQLite would take two ends
        of a range for narrower than a value, and walk over another index. What limits an index stays, by which it is
        chosen.
        """
        at = {test.path: test.value for test in start if test.operator == "is"}
        return tuple(test for test in filter if test in self._fixed or _meets(test, at) is not True)


def keys_of(index: Index) -> tuple[Key, ...]:
    """The keys of an index. A unique one has its paths only; others end with the id, so that they serve every tie."""
    keys = tuple(_key(text) for text in index.paths)
    return keys if index.unique else tuple(_ordered(keys))


def tests_of(index: Index) -> tuple[Test, ...]:
    """What a document has to meet to be in the index; none: every document is."""
    return () if index.only is None else tuple(_tests(index.only.path, index.only))


def paths_of(index: Index) -> tuple[str, ...]:
    """All that the index has to know of a document."""
    return (*(key.path for key in keys_of(index)), *(test.path for test in tests_of(index)))


def place_of(document: Any, order: Sequence[Key]) -> tuple[Any, ...]:
    """Where a document's JSON object stands in the order: the `after` of the page that begins behind it."""
    return tuple(value_at(document, key.path) for key in order)


def value_at(document: Any, path: str) -> Any:
    """The value at a dotted path, None if it is missing or no plain value; arrays are not entered."""
    for name in path.split("."):
        if not isinstance(document, dict):
            return None
        document = document.get(name)
    return None if isinstance(document, dict | list) else document


def _check_only(collection: str, index: Index) -> None:
    """Raises ValueError for a condition that not every adapter can keep."""
    if index.only is None:
        return
    if index.unique or keys_of(index)[0].path == ID or any(test.value is None for test in tests_of(index)):
        message = "its condition needs a value, it cannot be unique, and it cannot begin with the id"
        raise ValueError(f"the index {index.name} of {collection} cannot be made: {message}")


def _key(text: str) -> Key:
    return Key(text.removeprefix("-"), text.startswith("-"))


def _ordered(keys: Iterable[Key]) -> Iterable[Key]:
    """The keys up to the id; what follows the id decides nothing. Without one, the id in the last one's direction."""
    down = False
    for key in keys:
        yield key
        if key.path == ID:
            return
        down = key.down
    yield Key(ID, down)


def _tests(path: str, condition: Condition) -> Iterable[Test]:
    match condition:
        case Eq(_, None):
            yield Test(path, "null")
        case Eq(_, value):
            yield Test(path, "is", value)
        case In(_, values):
            yield Test(path, "in", values)
        case NotIn(_, values):
            yield Test(path, "some")
            yield Test(path, "not_in", values)
        case Prefix(_, prefix):
            yield Test(path, "at_least", prefix)
            end = _successor(prefix)
            if end is not None:
                yield Test(path, "below", end)
        case Between(_, low, high):
            if low is not None:
                yield Test(path, "at_least", low)
            if high is not None:
                yield Test(path, "below", high)
            if low is None and high is None:
                yield Test(path, "some")


def _successor(prefix: str) -> str | None:
    """The least string above all that begin with the prefix, by code point; None if there is none."""
    kept = prefix.rstrip(chr(_LAST))
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(_SURROGATES.stop if following in _SURROGATES else following)


def _starts(order: Sequence[Key], after: Sequence[Any]) -> Iterable[tuple[Test, ...]]:
    for depth in reversed(range(len(order))):
        equal = tuple(_equal(key.path, value) for key, value in zip(order[:depth], after, strict=False))
        for test in _beyond(order[depth], after[depth]):
            yield (*equal, test)


def _is_void(filter: Collection[Test], start: Collection[Test]) -> bool:
    """Whether nothing is there: it asks for null where the filter asks for a value, or for one beyond its bounds."""
    valued = {test.path for test in filter if test.operator != "null"}
    at = {test.path: test.value for test in start if test.operator == "is"}
    return any(test.operator == "null" and test.path in valued for test in start) or any(
        _meets(test, at) is False for test in filter
    )


def _meets(test: Test, at: Mapping[str, Any]) -> bool | None:
    """Whether these values meet a bound; None for other comparisons and kinds, which are left to the store."""
    value = at.get(test.path)
    if value is None or type(value) is not type(test.value):
        return None
    match test.operator:
        case "at_least":
            return bool(value >= test.value)
        case "below":
            return bool(value < test.value)
        case _:
            return None


def _equal(path: str, value: Any) -> Test:
    return Test(path, "null") if value is None else Test(path, "is", value)


def _beyond(key: Key, value: Any) -> Iterable[Test]:
    if key.down:
        if value is not None:
            yield Test(key.path, "below", value)
            if key.path != ID:
                yield Test(key.path, "null")
    elif value is None:
        yield Test(key.path, "some")
    else:
        yield Test(key.path, "above", value)
