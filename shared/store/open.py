"""Which adapter a service's store has: the one place that knows."""

from pathlib import Path
from typing import Protocol

from pydantic import SecretStr

from shared.store.port import Store


class StoreSettings(Protocol):
    """What of the platform's settings decides where documents live."""

    @property
    def data(self) -> Path: ...

    @property
    def mongo_url(self) -> SecretStr | None: ...


def open_store(settings: StoreSettings, service: str, local: bool) -> Store:
    """The store of a service, not yet opened; `local`: on this machine's disk even where there is a MongoDB."""
    if settings.mongo_url is None or local:
        from shared.store.sqlite import SqliteStore

        return SqliteStore(settings.data / "documents" / f"{service}.sqlite")
    from shared.store.mongo import MongoStore

    return MongoStore(settings.mongo_url.get_secret_value(), service)
