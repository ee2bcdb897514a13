"""The one writer of a file: whatever waits while a commit is under way goes into the next one, together.

The statements run on the event loop, where they take some ten microseconds each and no lock of the interpreter has to
change hands; the commit, which waits for the disk, runs in a thread. A write that is alone, on a disk that answers
within a millisecond, is committed on the loop too: to ask the thread would take as long. Nothing waits for a timer.
"""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

import structlog

from shared.store.port import StoreUnavailable
from shared.store.sqlite.failures import is_file_trouble, unavailable

T = TypeVar("T")
Operation = Callable[[sqlite3.Connection], T]
"""Runs inside a transaction. What it raises goes to its own waiter; it must leave nothing half done behind."""

CopyLog = Callable[[], "asyncio.Future[Any]"]
"""Starts to copy the log into the database, beside the commits."""

_Waiting = tuple["asyncio.Future[Any]", Operation[Any]]
_Outcome = tuple["asyncio.Future[Any]", Any, Exception | None]

_COMMIT, _CHECKPOINT = "COMMIT", "PRAGMA wal_checkpoint(PASSIVE)"
_SHORT_S = 0.001
_ROW_BYTES = 16 << 10  # what a change writes into the log beside the body: the pages of the row and of its indexes

log = structlog.get_logger()


class Writer:
    """Groups operations into transactions. Every method is called on the event loop that made it.

    The log is copied into the database every `log_bytes`: first by `copy_log`, which runs beside the commits, then,
    between two commits, the rest, so that the log begins anew and does not grow for ever.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, copy_log: CopyLog, log_bytes: int) -> None:
        self._connection = connection
        self._path = path
        self._copy_log = copy_log
        self._log_bytes = log_bytes
        self._loop = asyncio.get_running_loop()
        self._waiting: list[_Waiting] = []
        self._busy = False
        self._took = 1.0  # seconds of a commit, a mean over about the last eight
        self._logged = 0
        self._copying: asyncio.Future[Any] | None = None
        self._closed: asyncio.Future[None] | None = None
        self._steps: SimpleQueue[tuple[str, list[_Outcome]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._commit_steps, name=f"commit {path.name}", daemon=True)
        self._thread.start()

    def write(self, operation: Operation[T], size: int = 0) -> "asyncio.Future[T]":
        """Resolves after the commit that holds the operation; `size`: bytes of the bodies that it stores."""
        if self._closed is not None:
            raise StoreUnavailable(f"{self._path} is closed")
        future: asyncio.Future[T] = self._loop.create_future()
        self._waiting.append((future, operation))
        self._logged += size + _ROW_BYTES
        if not self._busy:
            self._busy = True
            self._loop.call_soon(self._step)
        return future

    async def close(self) -> None:
        """Commit what waits, then end the thread."""
        if self._closed is None:
            self._closed = self._loop.create_future()
            if not self._busy:
                self._busy = True
                self._loop.call_soon(self._step)
        await self._closed

    def _step(self) -> None:
        """Start whatever is next; `_busy` holds until there is nothing."""
        if self._copying is not None and self._copying.done():
            self._end_copy(self._copying)
        elif self._waiting:
            waiting, self._waiting = self._waiting, []
            self._begin(waiting)
        else:
            self._busy = False
            if self._closed is not None and not self._closed.done():
                self._steps.put(None)
                self._thread.join()
                self._closed.set_result(None)

    def _begin(self, waiting: list[_Waiting]) -> None:
        """Run a group's statements, and hand the transaction to the thread."""
        connection = self._connection
        outcomes: list[_Outcome] = []
        try:
            connection.execute("BEGIN IMMEDIATE")
            for future, operation in waiting:
                if not future.done():
                    outcomes.append((future, *_outcome(connection, operation)))
        except (sqlite3.Error, MemoryError) as error:
            self._roll_back()
            self._resolve([(future, None, unavailable(error, self._path)) for future, _ in waiting])
            self._loop.call_soon(self._step)
        else:
            if len(outcomes) == 1 and self._took < _SHORT_S:
                self._finish(outcomes, self._execute(_COMMIT))
            else:
                self._steps.put((_COMMIT, outcomes))

    def _commit_steps(self) -> None:
        """The thread: one statement after the other, each reported to the loop by one wake-up."""
        while (step := self._steps.get()) is not None:
            statement, outcomes = step
            failure = self._execute(statement)
            try:
                self._loop.call_soon_threadsafe(self._finish, outcomes, failure)
            except RuntimeError:  # the loop is gone, and with it everybody who waited
                return

    def _execute(self, statement: str) -> sqlite3.Error | None:
        """What ends a step, by the thread or by the loop, never by both at once; the failure, if it failed."""
        begin = time.perf_counter()
        try:
            self._connection.execute(statement).fetchall()
        except sqlite3.Error as error:
            self._roll_back()
            log.warning("store_write_failed", file=str(self._path), step=statement, error=str(error))
            return error
        finally:
            self._took += (time.perf_counter() - begin - self._took) / 8
        return None

    def _finish(self, outcomes: list[_Outcome], failure: sqlite3.Error | None) -> None:
        """The next group first: its commit runs while this one's waiters go on."""
        self._step()
        if failure is not None:
            outcomes = [(future, None, unavailable(failure, self._path)) for future, _, _ in outcomes]
        self._resolve(outcomes)
        if self._logged >= self._log_bytes and self._copying is None:
            self._logged = 0
            self._copying = self._copy_log()
            self._copying.add_done_callback(self._copied)

    def _copied(self, _: "asyncio.Future[Any]") -> None:
        if not self._busy:
            self._busy = True
            self._step()

    def _end_copy(self, copying: "asyncio.Future[Any]") -> None:
        """Most of the log is in the database: copy what came meanwhile, so that the log can begin anew."""
        self._copying = None
        failure = None if copying.cancelled() else copying.exception()
        if failure is not None:
            log.warning("store_write_failed", file=str(self._path), step=_CHECKPOINT, error=str(failure))
        self._steps.put((_CHECKPOINT, []))

    def _resolve(self, outcomes: list[_Outcome]) -> None:
        for future, result, error in outcomes:
            if future.done():
                continue
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):  # if even this fails, the next BEGIN says so
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


def _outcome(connection: sqlite3.Connection, operation: Operation[Any]) -> tuple[Any, Exception | None]:
    """The operation's result, or its own error. Raises what means that the whole transaction is lost."""
    try:
        return operation(connection), None
    except Exception as error:  # it belongs to whoever waits for the operation
        if is_file_trouble(error) or not connection.in_transaction:
            raise
        return None, error
