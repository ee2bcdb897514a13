"""The port on MongoDB: the one package that knows its driver, so that the driver's successor is a day's change.

Writes are acknowledged by a majority and journaled, reads see only what a majority has, from the primary. Every call
has one deadline for all its repetitions; what it did not finish by then is unknown, and raises StoreUnavailable.
"""

from shared.store.mongo.collection import MongoCollection
from shared.store.mongo.store import MongoStore

__all__ = ["MongoCollection", "MongoStore"]
