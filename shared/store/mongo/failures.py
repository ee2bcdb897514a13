"""The driver's errors as the port's."""

from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import DuplicateKeyError, PyMongoError

from shared.store.mongo import layout
from shared.store.port import StoreUnavailable


@contextmanager
def translated(id: str | None = None) -> Iterator[None]:
    """Turns the driver's errors into the port's."""
    try:
        yield
    except DuplicateKeyError as error:
        raise layout.duplicate(id or "?", error.details or {}) from error
    except PyMongoError as error:
        raise StoreUnavailable(f"MongoDB did not answer as it should: {error}") from error
