"""How a document lies in MongoDB: `{_id, version, mark, pending, doc}`, and each question of the port on that.

`doc` is the JSON object itself, so that people with a shell can read and query it, and the database keeps its indexes.
Its keys may be anything a user chose, but MongoDB gives `.` and `$` a meaning: they are stored percent-encoded.
`pending` says whether the mark is lower than the version, and is worked out by the very write that changes either; the
index of `behind` holds only documents where it is true.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shared.store.port import Document, DuplicateKey, Index
from shared.store.query import ID, Key, Test, keys_of, tests_of

Json = dict[str, Any]

BEHIND_INDEX = "behind"
BEHIND: Json = {"pending": True}
"""Documents whose mark is lower than their version."""

_ESCAPES = {"%": "%25", "$": "%24", ".": "%2E", "\0": "%00"}
_ESCAPED = str.maketrans(_ESCAPES)
_OPERATORS = {"is": "$eq", "in": "$in", "at_least": "$gte", "above": "$gt", "below": "$lt"}
_VALUE = {"$type": ["string", "number", "bool"]}  # neither null nor missing


def new_row(document: Document, body: bytes) -> Json:
    """What `insert` stores."""
    version = document.version
    return {"_id": document.id, "version": version, "mark": 0, "pending": version > 0, "doc": _fields(body)}


def held(id: str, version: int) -> Json:
    """The filter of a compare-and-set."""
    return {"_id": id, "version": version}


def swapped(document: Document, body: bytes) -> list[Json]:
    """The update of a compare-and-set; the mark stays."""
    version, fields = document.version, {"$literal": _fields(body)}
    return [{"$set": {"version": version, "pending": {"$lt": ["$mark", version]}, "doc": fields}}]


TOUCHED: Json = {"$inc": {"guards": 1}}
"""The update that makes a transaction conflict with every other one that reads or changes its guard."""


def below_mark(id: str, mark: int) -> Json:
    """The filter of `raised`."""
    return {"_id": id, "mark": {"$lt": mark}}


def raised(mark: int) -> list[Json]:
    """The update that raises a mark and, in the same write, finds out whether the document is still behind."""
    return [{"$set": {"mark": mark, "pending": {"$gt": ["$version", mark]}}}]


def body_of(row: Mapping[str, Any]) -> bytes:
    """The JSON text of a stored document."""
    return json.dumps(_unescape(row["doc"]), ensure_ascii=False, separators=(",", ":")).encode()


def duplicate(id: str, details: Mapping[str, Any]) -> DuplicateKey:
    """The refusal that MongoDB's error 11000 describes."""
    name = str(details.get("errmsg", "")).partition(" index: ")[2].split(" ", 1)[0]
    return DuplicateKey(id, None if name in ("", "_id_") else name)


def path_of(path: str) -> str:
    """Where a path of the document lies in its row."""
    return "_id" if path == ID else f"doc.{path}"


def filter_of(tests: Iterable[Test]) -> Json:
    """The tests, joined by AND: side by side as far as each compares another field or another way."""
    found: dict[str, Json] = {}
    rest: list[Json] = []
    for test in tests:
        path, comparison = path_of(test.path), _comparison(test)
        if found.setdefault(path, {}).keys() & comparison.keys():
            rest.append({path: comparison})
        else:
            found[path].update(comparison)
    return {**found, "$and": rest} if rest else {**found}


def sort_of(order: Iterable[Key]) -> list[tuple[str, int]]:
    """The order as MongoDB takes it."""
    return [(path_of(key.path), -1 if key.down else 1) for key in order]


def indexes_of(indexes: Sequence[Index]) -> dict[str, tuple[list[tuple[str, int]], Json]]:
    """Name -> (keys, options) of every index that a collection has.

    A unique index holds only documents that have all its values, and so serves no query; a plain one stands beside it.
    """
    found: dict[str, tuple[list[tuple[str, int]], Json]] = {
        BEHIND_INDEX: ([("pending", 1), ("_id", 1)], {"partialFilterExpression": BEHIND})
    }
    for index in indexes:
        keys = sort_of(keys_of(index))
        if index.unique:
            partial = {path: _VALUE for path, _ in keys}
            found[index.name] = (keys, {"unique": True, "partialFilterExpression": partial})
            keys = sort_of(keys_of(Index(index.name, index.paths)))
            found[f"{index.name}.lookup"] = (keys, {})
        elif index.only is not None:
            found[index.name] = (keys, {"partialFilterExpression": filter_of(tests_of(index))})
        else:
            found[index.name] = (keys, {})
    return found


def _comparison(test: Test) -> Json:
    if test.operator == "null":
        return {"$eq": None}
    if test.operator == "some":
        return {"$ne": None}
    if test.operator == "not_in":
        return {"$nin": list(test.value)}
    return {_OPERATORS[test.operator]: list(test.value) if test.operator == "in" else test.value}


def _fields(body: bytes) -> Json:
    fields: Json = json.loads(body, object_pairs_hook=_escape)
    return fields


def _escape(pairs: list[tuple[str, Any]]) -> Json:
    return {key.translate(_ESCAPED): value for key, value in pairs}


def _unescape(value: Any) -> Any:
    if isinstance(value, dict):
        return {_plain(key): _unescape(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_unescape(member) for member in value]
    return value


def _plain(key: str) -> str:
    if "%" not in key:
        return key
    for plain, escape in reversed(_ESCAPES.items()):
        key = key.replace(escape, plain)
    return key
