"""The store on one machine: a SQLite file per service, held by one process, whose writers share their commits."""

from shared.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
