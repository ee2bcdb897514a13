"""Which of SQLite's errors mean that the file cannot be used now, and the sentence that says what to do."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.store.port import StoreUnavailable

_FILE_TROUBLE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)


def is_file_trouble(error: BaseException) -> bool:
    """The file or its disk is at fault, not the statement; whatever else the transaction did is lost too."""
    return isinstance(error, sqlite3.Error) and _primary_code(error) in _FILE_TROUBLE


def unavailable(error: BaseException, path: Path) -> StoreUnavailable:
    """The same trouble as an error of the port."""
    code = _primary_code(error)
    if code == sqlite3.SQLITE_FULL:
        return StoreUnavailable(f"the disk that holds {path} is full; make room, and it goes on by itself")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreUnavailable(f"another program has locked {path}; close it, and it goes on by itself")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreUnavailable(f"{path} is damaged ({error}); restore it from a copy")
    return StoreUnavailable(f"{path} cannot be read or written ({error}); look at its disk and permissions")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turns file trouble into StoreUnavailable; other errors pass."""
    try:
        yield
    except sqlite3.Error as error:
        if is_file_trouble(error):
            raise unavailable(error, path) from error
        raise


def _primary_code(error: BaseException) -> int:
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & 0xFF
