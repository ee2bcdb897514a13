"""A collection as a table: its columns, its indexes, and each question of the port as SQL.

A row is (id, version, mark, body); the body is the JSON text as the schema gave it. Fields are indexed as expressions
over the body, so that an index over documents which already exist is one statement, and nothing has to be filled in.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from shared.store.port import Index, Schema, StoreError
from shared.store.query import ID, Key, Query, Test, keys_of

Statement = tuple[str, list[Any]]

SEPARATOR = b"\x1e"
"""Stands between the bodies of one page; JSON text has no such character."""

_INDEXES = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL"
_COMPARISONS = {"is": "=", "at_least": ">=", "above": ">", "below": "<"}


class Table:
    """The statements of one collection. Names and paths have been checked by `query.Fields`."""

    def __init__(self, schema: Schema[Any]) -> None:
        self.name = schema.name
        self._indexes = schema.indexes
        table = f'"{schema.name}"'
        self.get = f"SELECT body FROM {table} WHERE id = ?"
        self.get_marked = f"SELECT mark, body FROM {table} WHERE id = ?"
        self.get_version = f"SELECT version FROM {table} WHERE id = ?"
        self.insert = f"INSERT INTO {table} (id, version, body) VALUES (?, ?, ?)"
        self.swap = f"UPDATE {table} SET version = ?, body = ? WHERE id = ? AND version = ?"
        self.delete = f"DELETE FROM {table} WHERE id = ?"
        self.raise_mark = f"UPDATE {table} SET mark = ? WHERE id = ? AND mark < ?"
        self.behind = (
            "SELECT group_concat(mark || ' ' || body, char(30)) FROM (SELECT mark, body "
            f"FROM {table} INDEXED BY {_index_name(schema.name, 'behind')} WHERE mark < version ORDER BY id LIMIT ?)"
        )

    def create(self, connection: sqlite3.Connection) -> None:
        """Create the table and its indexes; drop indexes that are declared no more, or declared differently.

        Raises StoreError if documents break a new unique index.
        """
        connection.execute(
            f'CREATE TABLE IF NOT EXISTS "{self.name}" (id TEXT NOT NULL PRIMARY KEY, version INTEGER NOT NULL, '
            "mark INTEGER NOT NULL DEFAULT 0, body TEXT NOT NULL)"
        )
        declared = [*map(self._index, self._indexes), self._behind_index()]
        rows = connection.execute(_INDEXES, (self.name,)).fetchall()
        for name, sql in rows:
            if sql not in declared:
                connection.execute(f'DROP INDEX "{name}"')
        existing = {sql for _, sql in rows}
        for sql in declared:
            if sql not in existing:
                self._create_index(connection, sql)

    def find(self, query: Query, limit: int) -> Statement:
        """One row with one text, the bodies of up to `limit` documents in order (null: none).

        One row, since every step over a row gives up the interpreter's lock, and a busy event loop gives it back late.
        """
        walks, arguments = [], []
        for start in query.starts:
            tests = (*query.filter, *start)
            where, values = _where(tests)
            order = _order(query.order, tests)
            walks.append(f'SELECT * FROM (SELECT rowid AS place FROM "{self.name}"{where}{order} LIMIT ?)')
            arguments += [*values, limit]
        page = f"({' UNION ALL '.join(walks)} LIMIT ?) AS page"
        document = f'"{self.name}" AS document ON document.rowid = page.place'
        return f"SELECT group_concat(body, char(30)) FROM {page} CROSS JOIN {document}", [*arguments, limit]

    def count(self, filter: Sequence[Test], at_most: int | None) -> Statement:
        """One row with the number."""
        where, values = _where(filter)
        if at_most is None:
            return f'SELECT count(*) FROM "{self.name}"{where}', values
        return f'SELECT count(*) FROM (SELECT 1 FROM "{self.name}"{where} LIMIT ?)', [*values, at_most]

    def count_by(self, path: str, filter: Sequence[Test]) -> Statement:
        """A row (value, number) for each value but null."""
        where, values = _where((*filter, Test(path, "some")))
        return f'SELECT {_expression(path)}, count(*) FROM "{self.name}"{where} GROUP BY 1', values

    def _create_index(self, connection: sqlite3.Connection, sql: str) -> None:
        try:
            connection.execute(sql)
        except sqlite3.IntegrityError as error:
            name = index_of(error, self.name)
            message = f"documents of {self.name} have the same values of its unique index {name}; change them first"
            raise StoreError(message) from error

    def _index(self, index: Index) -> str:
        keys = keys_of(index)
        columns = ", ".join(map(_column, keys))
        sql = f'INDEX {_index_name(self.name, index.name)} ON "{self.name}" ({columns})'
        if not index.unique:
            return f"CREATE {sql}"
        return f"CREATE UNIQUE {sql} WHERE {' AND '.join(f'{_expression(key.path)} IS NOT NULL' for key in keys)}"

    def _behind_index(self) -> str:
        return f'CREATE INDEX {_index_name(self.name, "behind")} ON "{self.name}" (id) WHERE mark < version'


def index_of(error: sqlite3.IntegrityError, table: str) -> str | None:
    """The declared name of the unique index that refused a document; None: its id did."""
    _, found, after = str(error).partition(f"index '{table}.")
    return after.rstrip("'") if found else None


def _index_name(table: str, name: str) -> str:
    return f'"{table}.{name}"'


def _expression(path: str) -> str:
    return ID if path == ID else f"json_extract(body, '$.{path}')"


def _column(key: Key) -> str:
    return f"{_expression(key.path)} DESC" if key.down else _expression(key.path)


def _order(order: Iterable[Key], tests: Iterable[Test]) -> str:
    """Without the fields that have one value only: SQLite would sort by them instead of walking along its index."""
    fixed = {test.path for test in tests if test.operator in ("is", "null")}
    columns = ", ".join(_column(key) for key in order if key.path not in fixed)
    return f" ORDER BY {columns}" if columns else ""


def _where(tests: Iterable[Test]) -> tuple[str, list[Any]]:
    parts: list[str] = []
    values: list[Any] = []
    for test in tests:
        field = _expression(test.path)
        match test.operator:
            case "null":
                parts.append(f"{field} IS NULL")
            case "some":
                parts.append(f"{field} IS NOT NULL")
            case "in":
                parts.append(f"{field} IN ({', '.join('?' * len(test.value))})")
                values += test.value
            case operator:
                parts.append(f"{field} {_COMPARISONS[operator]} ?{_same_kind(field, test)}")
                values.append(test.value)
    return (f" WHERE {' AND '.join(parts)}" if parts else ""), values


def _same_kind(field: str, test: Test) -> str:
    """SQLite sorts every number before every string: an open end must not run into the other kind."""
    if isinstance(test.value, str):
        return f" AND {field} >= ''" if test.operator == "below" else ""
    return f" AND {field} < ''" if test.operator in ("at_least", "above") else ""
