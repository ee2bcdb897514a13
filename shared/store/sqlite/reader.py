"""Reading beside the writer: points on the event loop's own thread, walks over many rows in threads.

A look-up by id takes some ten microseconds, less than asking a thread to do it. Every reader sees the last commit.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from shared.store.port import StoreUnavailable
from shared.store.sqlite.failures import translated

_THREADS = 2


class Reader:
    """Connections for reading; texts come as bytes, which is what schemas load."""

    def __init__(self, path: Path, connect: Callable[[], sqlite3.Connection]) -> None:
        self._path = path
        self._point = connect()
        self._idle = deque(connect() for _ in range(_THREADS))
        for connection in (self._point, *self._idle):
            connection.text_factory = bytes
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix=f"read {path.name}")
        self._closed = False

    def row(self, sql: str, *arguments: Any) -> Any:
        """The first row, at once; None if there is none. Raises StoreUnavailable."""
        self._check_open()
        with translated(self._path):
            return self._point.execute(sql, arguments).fetchone()

    def rows(self, sql: str, arguments: Sequence[Any] = ()) -> "asyncio.Future[list[Any]]":
        """All rows, by a thread; the future may raise StoreUnavailable."""
        self._check_open()
        return asyncio.get_running_loop().run_in_executor(self._pool, self._rows, sql, arguments)

    def close(self) -> None:
        """Let the threads finish what they are at, and close the connections."""
        self._closed = True
        self._pool.shutdown()
        for connection in (self._point, *self._idle):
            connection.close()

    def _rows(self, sql: str, arguments: Sequence[Any]) -> list[Any]:
        connection = self._idle.popleft()  # there are as many as threads
        try:
            with translated(self._path):
                return connection.execute(sql, arguments).fetchall()
        finally:
            self._idle.append(connection)

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable(f"{self._path} is closed")
