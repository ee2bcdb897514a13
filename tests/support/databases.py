"""Both databases that documents may live in: a suite that is run against each sees no difference between them."""

import uuid
from pathlib import Path
from typing import Any

import pymongo
from pydantic import SecretStr

from shared.store.open import open_store
from shared.store.port import Store


class Database:
    """A test's own: SQLite files under `data`, or a name of its own on the MongoDB at `server`."""

    def __init__(self, data: Path, server: str | None) -> None:
        self.data = data
        self.is_mongo = server is not None
        self._server = server
        self._name = f"test_{uuid.uuid4().hex}"
        self._services: set[str] = set()

    @property
    def mongo_url(self) -> SecretStr | None:
        return SecretStr(self._server.replace("/?", f"/{self._name}?")) if self._server is not None else None

    def store(self, service: str) -> Store:
        """The service's, not yet opened; two of one service see the same documents."""
        self._services.add(service)
        return open_store(self, service, local=False)

    def drop(self) -> None:
        if self._server is not None:
            with pymongo.MongoClient[dict[str, Any]](self._server) as client:
                for service in self._services:
                    client.drop_database(f"{self._name}_{service}")
