"""One SQLite file with the collections of one service; see `writer` and `reader` for how it is used."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

from shared.store.port import D, Schema, StoreUnavailable
from shared.store.query import Fields
from shared.store.sqlite.collection import SqliteCollection
from shared.store.sqlite.failures import translated
from shared.store.sqlite.lock import FileLock
from shared.store.sqlite.reader import Reader
from shared.store.sqlite.table import Table
from shared.store.sqlite.tables import prepare
from shared.store.sqlite.writer import Writer

_BUSY_SECONDS = 0.25  # our own connections never wait for one another; this is for a stranger with a shell
_PRAGMAS = (
    "synchronous = FULL",
    "cache_size = -8192",  # KiB
    "wal_autocheckpoint = 0",  # the writer sees to it
)


class SqliteStore:
    """A store in a file. Its folder is made if it is missing. `log_bytes`: how much its log may hold, about."""

    def __init__(self, path: Path, log_bytes: int = 32 << 20) -> None:
        self._path = path
        self._log_bytes = log_bytes
        self._lock = FileLock(path)
        self._tables: dict[str, Table] = {}
        self._connection: sqlite3.Connection | None = None
        self._reader: Reader | None = None
        self._writer: Writer | None = None

    @property
    def reader(self) -> Reader:
        """Raises StoreUnavailable before `open`."""
        if self._reader is None:
            raise StoreUnavailable(f"{self._path} is not open")
        return self._reader

    @property
    def writer(self) -> Writer:
        """Raises StoreUnavailable before `open`."""
        if self._writer is None:
            raise StoreUnavailable(f"{self._path} is not open")
        return self._writer

    def table(self, name: str) -> Table:
        """The table of a collection of this store."""
        return self._tables[name]

    def collection(self, schema: Schema[D]) -> SqliteCollection[D]:
        fields = Fields(schema)
        table = Table(schema)
        if self._tables.setdefault(schema.name, table).indexes != table.indexes:
            raise ValueError(f"two schemas of the collection {schema.name} declare different indexes")
        return SqliteCollection(self, schema, table, fields)

    async def open(self) -> None:
        connection, self._reader = await asyncio.to_thread(self._open)
        self._connection = connection
        self._writer = Writer(connection, self._path, self._copy_log, self._log_bytes)

    async def ping(self) -> None:
        self.reader.row("SELECT count(*) FROM sqlite_master")

    async def close(self) -> None:
        if self._writer is not None and self._reader is not None and self._connection is not None:
            await self._writer.close()
            await asyncio.to_thread(self._reader.close)
            await asyncio.to_thread(self._connection.close)
        self._lock.release()

    def _open(self) -> tuple[sqlite3.Connection, Reader]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock.acquire()
            self._path.touch(mode=0o600)
            self._path.chmod(0o600)  # its log and shared memory take the mode of the file
        except OSError as error:
            raise StoreUnavailable(f"{self._path} cannot be opened ({error}); look at its folder") from error
        connection: sqlite3.Connection | None = None
        try:
            with translated(self._path):
                connection = self._connect()
                self._prepare(connection)
                return connection, Reader(self._path, self._connect)
        except BaseException:
            if connection is not None:
                connection.close()
            self._lock.release()
            raise

    def _prepare(self, connection: sqlite3.Connection) -> None:
        if connection.execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
            raise StoreUnavailable(f"{self._path} lies on a file system without shared memory; use a local disk")
        connection.execute("BEGIN IMMEDIATE")
        for table in self._tables.values():
            prepare(connection, table)
        connection.execute("COMMIT")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        try:
            for pragma in _PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _copy_log(self) -> "asyncio.Future[Any]":
        return self.reader.rows("PRAGMA wal_checkpoint(PASSIVE)")
