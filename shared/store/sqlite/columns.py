"""Fields of documents as columns of their table, and tests and orders over them as SQL."""

from collections.abc import Collection, Iterable
from typing import Any

from shared.store.query import ID, Key, Test

_COMPARISONS = {"is": "=", "at_least": ">=", "above": ">", "below": "<"}


def column(path: str) -> str:
    """The name of a field's column, not quoted."""
    return ID if path == ID else f"doc.{path}"


def quoted(path: str) -> str:
    """A field's column in a statement."""
    return f'"{column(path)}"'


def ordered(keys: Iterable[Key]) -> str:
    """Columns of an index or of ORDER BY."""
    return ", ".join(f"{quoted(key.path)} DESC" if key.down else quoted(key.path) for key in keys)


def where(tests: Iterable[Test], fixed: Collection[Test] = ()) -> tuple[str, list[Any]]:
    """The WHERE clause (with a leading blank; empty without tests) and its arguments.

    `fixed`: tests that indexes are limited by. They are written out, since SQLite takes such an index only for a
    statement that says by itself, whatever its arguments, that it wants no other rows.
    """
    parts: list[str] = []
    values: list[Any] = []
    for test in tests:
        field = quoted(test.path)
        if test in fixed:
            parts.append(f"{written(test)}{_same_kind(field, test)}")
            continue
        match test.operator:
            case "null":
                parts.append(f"{field} IS NULL")
            case "some":
                parts.append(f"{field} IS NOT NULL")
            case "in":
                parts.append(f"{field} IN ({', '.join('?' * len(test.value))})")
                values += test.value
            case "not_in":
                parts.append(f"{field} NOT IN ({', '.join('?' * len(test.value))})")
                values += test.value
            case operator:
                parts.append(f"{field} {_COMPARISONS[operator]} ?{_same_kind(field, test)}")
                values.append(test.value)
    return (f" WHERE {' AND '.join(parts)}" if parts else ""), values


def written(test: Test) -> str:
    """A comparison with the value in it; the value is a schema's, never a user's."""
    value = test.value
    literal = "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value + 0)  # a bool: 0 or 1
    return f"{quoted(test.path)} {_COMPARISONS[test.operator]} {literal}"


def _same_kind(field: str, test: Test) -> str:
    """SQLite sorts every number before every string: an open end must not run into the other kind."""
    if isinstance(test.value, str):
        return f" AND {field} >= ''" if test.operator == "below" else ""
    return f" AND {field} < ''" if test.operator in ("at_least", "above") else ""
