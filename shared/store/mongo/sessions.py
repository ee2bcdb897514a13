"""The sessions of transactions, so that one that a dead client left open is ended by the living."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import structlog
from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorClientSession,
    AsyncIOMotorCollection,
    AsyncIOMotorDatabase,
)
from pymongo.errors import PyMongoError

log = structlog.get_logger()

PATIENCE_S = 1.5
"""No transaction of ours takes so long, unless its client is dead."""

_SESSION_NOTED_S = 600.0
_SESSION_LIVES_S = 1800.0  # of the server: it forgets sessions that nobody used for so long


class Server(Protocol):
    """What the sessions need of their store."""

    @property
    def service(self) -> str: ...

    @property
    def client(self) -> "AsyncIOMotorClient[dict[str, Any]]": ...

    @property
    def database(self) -> "AsyncIOMotorDatabase[dict[str, Any]]": ...


class Sessions:
    """The sessions of this service's transactions, written down, so that the living can end those of the dead.

    A client that is killed inside a transaction leaves it open, and the server keeps its documents from everybody else
    for a minute. Ours take milliseconds: whoever has waited for `PATIENCE_S` ends them all, and one that was alive is
    repeated by its owner, as after any conflict.
    """

    def __init__(self, store: Server) -> None:
        self._store = store
        self._noted: dict[bytes, float] = {}
        self._ended = 0.0

    @property
    def _rows(self) -> "AsyncIOMotorCollection[dict[str, Any]]":
        return self._store.database["sessions"]

    async def note(self, session: AsyncIOMotorClientSession) -> None:
        """Write the session down before its first transaction, and now and then again."""
        id: bytes = session.delegate.session_id["id"]
        now = asyncio.get_running_loop().time()
        if now - self._noted.get(id, -_SESSION_NOTED_S) >= _SESSION_NOTED_S:
            seen = {"$set": {"used_at": datetime.now(UTC)}}
            await self._rows.update_one({"_id": id}, seen, upsert=True)
            self._noted[id] = now

    async def end_all(self) -> None:
        """End every transaction of this service that is under way, whoever began it; at most once per patience."""
        now = asyncio.get_running_loop().time()
        if now - self._ended < PATIENCE_S:
            return
        self._ended = now
        ids = [row["_id"] async for row in self._rows.find({})]
        if ids:
            log.warning("transactions_ended", service=self._store.service, sessions=len(ids))
            await self._store.client.admin.command("killSessions", [{"id": id} for id in ids])
        forgotten = datetime.now(UTC) - timedelta(seconds=_SESSION_LIVES_S)
        await self._rows.delete_many({"used_at": {"$lt": forgotten}})

    @asynccontextmanager
    async def patience(self) -> AsyncIterator[None]:
        """Around a write: one that was not done in time may have waited for a dead client's transaction."""
        try:
            yield
        except PyMongoError as error:
            if error.timeout:
                with suppress(PyMongoError):
                    await self.end_all()
            raise
