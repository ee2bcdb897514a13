"""A collection as a table, and each question of the port as SQL.

A row is (id, version, mark, pending, a column for each field that an index names, body). The body is the JSON text as
the schema gave it; it comes last, so that the others are read without it. Indexed fields have columns of their own, and
a swap writes only those that changed: an index over a field that stayed the same is not touched, which halves what a
commit writes. `pending` says that the mark is lower than the version, for the same reason.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pydantic_core import from_json

from shared.store.port import Document, DuplicateKey, Index, Schema
from shared.store.query import ID, Query, Test, keys_of, paths_of, tests_of, value_at
from shared.store.sqlite.columns import column, ordered, quoted, where

Statement = tuple[str, list[Any]]

SEPARATOR = b"\x1e"
"""Stands between the bodies of one page; JSON text has no such character."""

_DUPLICATE = (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)


class Row(NamedTuple):
    """A document as it is written: its body, and the values of its columns."""

    id: str
    version: int
    values: tuple[Any, ...]
    body: str


class Table:
    """The statements of one collection. Names and paths have been checked by `query.Fields`."""

    def __init__(self, schema: Schema[Any]) -> None:
        self.name = schema.name
        self.indexes = schema.indexes
        self.paths = tuple(dict.fromkeys(_paths(schema.indexes)))
        self._schema = schema
        self._fixed = tuple(test for index in schema.indexes for test in tests_of(index))
        self._unique = {_columns_in_error(schema.name, index): index.name for index in schema.indexes if index.unique}
        self._swaps: dict[tuple[int, ...], str] = {}
        table = f'"{schema.name}"'
        columns = [f", {quoted(path)}" for path in self.paths]
        self.get = f"SELECT body FROM {table} WHERE id = ?"
        self.get_marked = f"SELECT mark, body FROM {table} WHERE id = ?"
        self.get_version = f"SELECT version FROM {table} WHERE id = ?"
        self.delete = f"DELETE FROM {table} WHERE id = ?"
        self.raise_mark = f"UPDATE {table} SET mark = ?1, pending = ?1 < version WHERE id = ?2 AND mark < ?1"
        self.behind = (
            "SELECT group_concat(mark || ' ' || body, char(30)) FROM (SELECT mark, body "
            f"FROM {table} INDEXED BY {self.index_name('behind')} WHERE pending = 1 ORDER BY id LIMIT ?)"
        )
        self._get_columns = f"SELECT version, mark{''.join(columns)} FROM {table} WHERE id = ?"
        self._insert = (
            f"INSERT INTO {table} (id, version, pending, body{''.join(columns)}) "
            f"VALUES (?, ?, ?, ?{', ?' * len(columns)})"
        )

    def index_name(self, name: str) -> str:
        """An index's name in a statement."""
        return f'"{self.name}.{name}"'

    def row(self, document: Document) -> Row:
        """What is written of a document."""
        body: bytes = self._schema.dump(document)
        fields = from_json(body)
        values = tuple(value_at(fields, path) for path in self.paths)
        return Row(document.id, document.version, values, body.decode())

    def insert(self, connection: sqlite3.Connection, row: Row) -> None:
        """Raises DuplicateKey."""
        try:
            connection.execute(self._insert, (row.id, row.version, row.version > 0, row.body, *row.values))
        except sqlite3.IntegrityError as error:
            raise self._duplicate(row.id, error) from error

    def swap(self, connection: sqlite3.Connection, row: Row, expected: int) -> bool:
        """Raises DuplicateKey."""
        old = connection.execute(self._get_columns, (row.id,)).fetchone()
        if old is None or old[0] != expected:
            return False
        mark = old[1]
        changes = tuple(n for n, (new, was) in enumerate(zip(row.values, old[2:], strict=True)) if new != was)
        if (mark < row.version) != (mark < expected):
            changes = (-1, *changes)
        arguments = [mark < row.version if n < 0 else row.values[n] for n in changes]
        try:
            connection.execute(self._swap(changes), (row.version, row.body, *arguments, row.id))
        except sqlite3.IntegrityError as error:
            raise self._duplicate(row.id, error) from error
        return True

    def find(self, query: Query, limit: int) -> Statement:
        """One row with one text, the bodies of up to `limit` documents in order (null: none).

        One row, since every step over a row gives up the interpreter's lock, and a busy event loop gives it back late.
        """
        walks, arguments = [], []
        for start in query.starts:
            condition, values = where(start, self._fixed)
            walk = f'SELECT rowid AS place FROM "{self.name}"{condition} ORDER BY {ordered(query.order)} LIMIT ?'
            walks.append(f"SELECT * FROM ({walk})")
            arguments += [*values, limit]
        page = f"({' UNION ALL '.join(walks)} LIMIT ?) AS page"
        document = f'"{self.name}" AS document ON document.rowid = page.place'
        return f"SELECT group_concat(body, char(30)) FROM {page} CROSS JOIN {document}", [*arguments, limit]

    def count(self, filter: Sequence[Test], at_most: int | None) -> Statement:
        """One row with the number."""
        condition, values = where(filter, self._fixed)
        if at_most is None:
            return f'SELECT count(*) FROM "{self.name}"{condition}', values
        return f'SELECT count(*) FROM (SELECT 1 FROM "{self.name}"{condition} LIMIT ?)', [*values, at_most]

    def count_by(self, path: str, filter: Sequence[Test]) -> Statement:
        """A row (value, number) for each value but null."""
        condition, values = where((*filter, Test(path, "some")), self._fixed)
        return f'SELECT {quoted(path)}, count(*) FROM "{self.name}"{condition} GROUP BY 1', values

    def _swap(self, changes: tuple[int, ...]) -> str:
        """The statement for these changed columns; -1 is `pending`."""
        sql = self._swaps.get(changes)
        if sql is None:
            names = "".join(f", {'pending' if n < 0 else quoted(self.paths[n])} = ?" for n in changes)
            sql = self._swaps[changes] = f'UPDATE "{self.name}" SET version = ?, body = ?{names} WHERE id = ?'
        return sql

    def _duplicate(self, id: str, error: sqlite3.IntegrityError) -> DuplicateKey:
        if error.sqlite_errorcode not in _DUPLICATE:
            raise error
        return DuplicateKey(id, self._unique.get(str(error).partition(": ")[2]))


def _paths(indexes: Sequence[Index]) -> Iterator[str]:
    return (path for index in indexes for path in paths_of(index) if path != ID)


def _columns_in_error(table: str, index: Index) -> str:
    """How SQLite names a unique index that refused a row."""
    return ", ".join(f"{table}.{column(key.path)}" for key in keys_of(index))
