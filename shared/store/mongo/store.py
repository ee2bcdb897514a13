"""One database with the collections of one service."""

from typing import Any

import pymongo
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase

from shared.store.mongo.collection import MongoCollection, Rows
from shared.store.mongo.failures import translated
from shared.store.mongo.indexes import declare
from shared.store.mongo.sessions import Sessions
from shared.store.port import D, Schema, StoreUnavailable
from shared.store.query import Fields

_TIMEOUT_S = 4.0  # shorter than whoever asks a service waits
_OPENING_S = 600.0  # an index of a million documents takes its time
_DATABASE = "jobyard"


class MongoStore:
    """The database `<name in the URL, or jobyard>_<service>`. `timeout`: seconds until a call gives up."""

    def __init__(self, url: str, service: str, timeout: float = _TIMEOUT_S) -> None:
        self._url = url
        self.service = service
        self.timeout = timeout
        self._client: AsyncIOMotorClient[dict[str, Any]] | None = None
        self._schemas: dict[str, Schema[Any]] = {}
        self.sessions = Sessions(self)

    @property
    def client(self) -> "AsyncIOMotorClient[dict[str, Any]]":
        """Raises StoreUnavailable before `open` and after `close`."""
        if self._client is None:
            raise StoreUnavailable("the connection to MongoDB is not open")
        return self._client

    def rows(self, name: str) -> Rows:
        """A collection of this store, as the driver sees it."""
        return self.database[self._schemas[name].name]

    @property
    def database(self) -> "AsyncIOMotorDatabase[dict[str, Any]]":
        name = self.client.get_default_database(_DATABASE).name
        return self.client[f"{name}_{self.service}"]

    def collection(self, schema: Schema[D]) -> "MongoCollection[D]":
        fields = Fields(schema)
        if self._schemas.setdefault(schema.name, schema).indexes != schema.indexes:
            raise ValueError(f"two schemas of the collection {schema.name} declare different indexes")
        return MongoCollection(self, schema, fields)

    async def open(self) -> None:
        milliseconds = int(self.timeout * 1000)
        self._client = AsyncIOMotorClient(
            self._url,
            appname=f"jobyard-{self.service}",
            timeoutMS=milliseconds,
            serverSelectionTimeoutMS=milliseconds,
            w="majority",
            journal=True,
            readConcernLevel="majority",
            readPreference="primary",
        )
        try:
            await self.ping()
            with translated(), pymongo.timeout(_OPENING_S):
                for schema in self._schemas.values():
                    await declare(self.rows(schema.name), schema)
        except BaseException:
            await self.close()
            raise

    async def ping(self) -> None:
        with translated():
            await self.client.admin.command("ping")

    async def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
