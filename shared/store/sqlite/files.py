"""A service's file as a whole, for backups and migrations: copied while its service writes, counted, checked, read.

Knows the rows that `table` writes, and none of the schemas. Everything here blocks.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.store.port import StoreError
from shared.store.sqlite.failures import is_file_trouble, unavailable

SUFFIX = ".sqlite"
_PAGE = 200
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"


@dataclass(frozen=True)
class StoredRow:
    """A document as it is stored: the JSON text of its body, and its outbox's mark beside it."""

    id: str
    version: int
    mark: int
    body: bytes


def copy(source: Path, target: Path) -> None:
    """A copy as of one moment, in one file, also while a service writes to it. Raises StoreUnavailable."""
    with _opened(source) as connection, _opened(target) as copied:
        connection.backup(copied)
        copied.execute("PRAGMA journal_mode = DELETE")


def counts(path: Path) -> dict[str, int]:
    """How many documents there are in each collection. Raises StoreUnavailable."""
    with _opened(path) as connection:
        names = [name for (name,) in connection.execute(_TABLES)]
        return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}


def check(path: Path) -> None:
    """Raises StoreError for a file that SQLite finds damaged."""
    with _opened(path) as connection:
        said = [row[0] for row in connection.execute("PRAGMA integrity_check")]
    if said != ["ok"]:
        raise StoreError(f"{path.name} is damaged: {said[0]}")


def mark_all(path: Path) -> None:
    """Raise every document's mark to its version: nothing of it is still to be told. Raises StoreUnavailable."""
    with _opened(path) as connection:
        names = [name for (name,) in connection.execute(_TABLES)]
        for name in names:
            connection.execute(f'UPDATE "{name}" SET mark = version, pending = 0 WHERE pending = 1')


def rows(path: Path, collection: str) -> Iterator[list[StoredRow]]:
    """Every document of a collection by id, in pages. Raises StoreUnavailable."""
    sql = f'SELECT id, version, mark, CAST(body AS BLOB) FROM "{collection}" WHERE id > ? ORDER BY id LIMIT {_PAGE}'
    with _opened(path) as connection:
        after = ""
        while page := [StoredRow(*row) for row in connection.execute(sql, (after,))]:
            yield page
            after = page[-1].id


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(path, isolation_level=None)
        yield connection
    except sqlite3.Error as error:
        if is_file_trouble(error):
            raise unavailable(error, path) from error
        raise
    finally:
        if connection is not None:
            connection.close()
