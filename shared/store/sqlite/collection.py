"""The port's collection on a SQLite table."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Generic, Protocol

from shared.store.port import Condition, D, DuplicateKey, Guard, Marked, Page, Schema, Swap
from shared.store.query import Fields, place_of
from shared.store.sqlite.reader import Reader
from shared.store.sqlite.table import SEPARATOR, Row, Table
from shared.store.sqlite.writer import Writer

Change = tuple[Row, int]
"""A swap: the new row, and the version that it expects."""


class File(Protocol):
    """What a collection needs of its store."""

    @property
    def reader(self) -> Reader: ...

    @property
    def writer(self) -> Writer: ...

    def table(self, name: str) -> Table: ...


class SqliteCollection(Generic[D]):
    """See `port.Collection`."""

    def __init__(self, file: File, schema: Schema[D], table: Table, fields: Fields) -> None:
        self._file = file
        self._schema = schema
        self._table = table
        self._fields = fields

    async def get(self, id: str) -> D | None:
        row = self._file.reader.row(self._table.get, id)
        return None if row is None else self._load(row[0])

    async def get_many(self, ids: Sequence[str]) -> dict[str, D]:
        reader, sql = self._file.reader, self._table.get
        return {id: self._load(row[0]) for id in ids if (row := reader.row(sql, id)) is not None}

    async def insert(self, document: D) -> None:
        row = self._table.row(document)
        await self._file.writer.write(lambda connection: self._table.insert(connection, row), len(row.body))

    async def insert_many(self, documents: Sequence[D]) -> list[DuplicateKey | None]:
        rows = [self._table.row(document) for document in documents]

        def insert(connection: sqlite3.Connection) -> list[DuplicateKey | None]:
            return [self._try_insert(connection, row) for row in rows]

        return await self._file.writer.write(insert, sum(len(row.body) for row in rows))

    async def swap(self, document: D, expected: int) -> bool:
        row = self._table.row(document)
        return await self._file.writer.write(
            lambda connection: self._table.swap(connection, row, expected), len(row.body)
        )

    async def swap_many(self, swaps: Sequence[Swap[D]]) -> list[bool]:
        changes = [(self._table.row(swap.document), swap.expected) for swap in swaps]

        def swap_each(connection: sqlite3.Connection) -> tuple[list[bool], list[DuplicateKey]]:
            return self._swap_each(connection, changes)

        outcomes, refused = await self._file.writer.write(swap_each, _size(changes))
        if refused:
            raise refused[0]
        return outcomes

    async def transaction(self, swaps: Sequence[Swap[D]], guards: Sequence[Guard] = ()) -> bool:
        changes = [(self._table.row(swap.document), swap.expected) for swap in swaps]
        held = [(self._file.table(guard.collection).get_version, guard.id, guard.version) for guard in guards]

        def all_or_none(connection: sqlite3.Connection) -> bool:
            for sql, id, version in held:
                if connection.execute(sql, (id,)).fetchone() != (version,):
                    return False
            return self._swap_all(connection, changes)

        return await self._file.writer.write(all_or_none, _size(changes))

    async def find(
        self,
        where: Sequence[Condition] = (),
        sort: Sequence[str] = (),
        after: tuple[Any, ...] | None = None,
        limit: int = 100,
    ) -> Page[D]:
        query = self._fields.query(where, sort, after, limit)
        if not query.starts:
            return Page(())
        bodies = _split(await self._file.reader.rows(*self._table.find(query, limit + 1)))
        items = tuple(map(self._load, bodies[:limit]))
        return Page(items, place_of(json.loads(bodies[limit - 1]), query.order) if len(bodies) > limit else None)

    async def count(self, where: Sequence[Condition] = (), at_most: int | None = None) -> int:
        rows = await self._file.reader.rows(*self._table.count(self._fields.filter(where), at_most))
        return int(rows[0][0])

    async def count_by(self, path: str, where: Sequence[Condition] = ()) -> dict[str, int]:
        statement = self._table.count_by(self._fields.check(path), self._fields.filter(where))
        rows = await self._file.reader.rows(*statement)
        return {value.decode() if isinstance(value, bytes) else str(value): number for value, number in rows}

    async def delete(self, id: str) -> bool:
        return await self._file.writer.write(
            lambda connection: connection.execute(self._table.delete, (id,)).rowcount == 1
        )

    async def raise_marks(self, marks: Mapping[str, int]) -> None:
        values = [(mark, id) for id, mark in marks.items()]

        def raise_each(connection: sqlite3.Connection) -> None:
            for value in values:
                connection.execute(self._table.raise_mark, value)

        await self._file.writer.write(raise_each)

    async def marked(self, id: str) -> Marked[D] | None:
        row = self._file.reader.row(self._table.get_marked, id)
        return None if row is None else Marked(self._load(row[1]), row[0])

    async def behind(self, limit: int = 100) -> list[Marked[D]]:
        parts = [text.split(b" ", 1) for text in _split(await self._file.reader.rows(self._table.behind, (limit,)))]
        return [Marked(self._load(body), int(mark)) for mark, body in parts]

    def _load(self, body: bytes) -> D:
        document: D = self._schema.load(body)
        return document

    def _try_insert(self, connection: sqlite3.Connection, row: Row) -> DuplicateKey | None:
        try:
            self._table.insert(connection, row)
        except DuplicateKey as error:
            return error
        return None

    def _swap_each(
        self, connection: sqlite3.Connection, changes: Sequence[Change]
    ) -> tuple[list[bool], list[DuplicateKey]]:
        outcomes, refused = [], []
        for change in changes:
            try:
                outcomes.append(self._table.swap(connection, *change))
            except DuplicateKey as error:
                refused.append(error)
        return outcomes, refused

    def _swap_all(self, connection: sqlite3.Connection, changes: Sequence[Change]) -> bool:
        """Every swap, or none: the group's other operations stay as they are."""
        if len(changes) < 2:
            return all(self._table.swap(connection, *change) for change in changes)
        connection.execute("SAVEPOINT swaps")
        done = False
        try:
            done = all(self._table.swap(connection, *change) for change in changes)
        finally:
            if connection.in_transaction:
                if not done:
                    connection.execute("ROLLBACK TO swaps")
                connection.execute("RELEASE swaps")
        return done


def _size(changes: Sequence[Change]) -> int:
    return sum(len(row.body) for row, _ in changes)


def _split(rows: list[Any]) -> list[bytes]:
    """The bodies of `Table.find`'s one row."""
    return rows[0][0].split(SEPARATOR) if rows[0][0] is not None else []
