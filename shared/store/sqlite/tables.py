"""Making the tables what the schemas say, each time a file is opened."""

import sqlite3

from shared.store.port import Index, StoreError
from shared.store.query import keys_of, tests_of
from shared.store.sqlite.columns import column, ordered, quoted, written
from shared.store.sqlite.table import Table

_COLUMNS = ("id", "version", "mark", "pending", "body")
_INDEXES = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL"


def prepare(connection: sqlite3.Connection, table: Table) -> None:
    """Create the table, the columns of its fields and its indexes; drop what is declared no more.

    Raises StoreError if documents break a new unique index.
    """
    columns = "".join(f", {quoted(path)}" for path in table.paths)
    connection.execute(
        f'CREATE TABLE IF NOT EXISTS "{table.name}" (id TEXT NOT NULL PRIMARY KEY, version INTEGER NOT NULL, '
        f"mark INTEGER NOT NULL DEFAULT 0, pending INTEGER NOT NULL{columns}, body TEXT NOT NULL)"
    )
    declared = [*(_index(table, index) for index in table.indexes), _behind(table)]
    rows = connection.execute(_INDEXES, (table.name,)).fetchall()
    for name, sql in rows:
        if sql not in declared:
            connection.execute(f'DROP INDEX "{name}"')
    _prepare_columns(connection, table)
    existing = {sql for _, sql in rows}
    for sql in declared:
        if sql not in existing:
            _create(connection, table, sql)


def _prepare_columns(connection: sqlite3.Connection, table: Table) -> None:
    """A column for each indexed field, filled from the bodies; none for other fields, which would not be kept up."""
    existing = {row[1] for row in connection.execute(f'PRAGMA table_info("{table.name}")')}
    for name in sorted(existing - {*_COLUMNS, *map(column, table.paths)}):
        connection.execute(f'ALTER TABLE "{table.name}" DROP COLUMN "{name}"')
    new = [path for path in table.paths if column(path) not in existing]
    for path in new:
        connection.execute(f'ALTER TABLE "{table.name}" ADD COLUMN {quoted(path)}')
    if new:  # all of them at once: every row is written anew
        values = ", ".join(f"{quoted(path)} = {_value_in_body(path)}" for path in new)
        connection.execute(f'UPDATE "{table.name}" SET {values}')


def _value_in_body(path: str) -> str:
    plain = f"json_type(body, '$.{path}') NOT IN ('object', 'array')"
    return f"CASE WHEN {plain} THEN json_extract(body, '$.{path}') END"


def _index(table: Table, index: Index) -> str:
    keys = keys_of(index)
    sql = f'INDEX {table.index_name(index.name)} ON "{table.name}" ({ordered(keys)})'
    if index.unique:
        return f"CREATE UNIQUE {sql} WHERE {' AND '.join(f'{quoted(key.path)} IS NOT NULL' for key in keys)}"
    only = " AND ".join(map(written, tests_of(index)))
    return f"CREATE {sql} WHERE {only}" if only else f"CREATE {sql}"


def _behind(table: Table) -> str:
    return f'CREATE INDEX {table.index_name("behind")} ON "{table.name}" (id) WHERE pending = 1'


def _create(connection: sqlite3.Connection, table: Table, sql: str) -> None:
    try:
        connection.execute(sql)
    except sqlite3.IntegrityError as error:
        name = sql.split('"', 2)[1].removeprefix(f"{table.name}.")
        message = f"documents of {table.name} have the same values of its unique index {name}; change them first"
        raise StoreError(message) from error
