"""A data folder with documents of a few services, made without a platform: for tests of the operator's tool."""

from pathlib import Path
from typing import Any

import pydantic_core

from shared.store.port import Schema
from shared.store.sqlite import SqliteStore
from shared.store.sqlite.files import StoredRow

THINGS = Schema[StoredRow]("things", dump=lambda row: row.body, load=lambda body: row_of(pydantic_core.from_json(body)))
ODD: dict[str, Any] = {"a.b": 1, "$set": {"%": None}, "float": 1.0, "text": "ä\u2028\x01", "list": [{"$ne": 1}]}
"""Keys and values that databases like to take for something else."""


def row_of(fields: dict[str, Any]) -> StoredRow:
    return StoredRow(fields["id"], fields["version"], 0, pydantic_core.to_json(fields))


async def fill(data: Path, service: str, documents: int, marked: int = 0) -> None:
    """So many documents of a service; the first `marked` of them have told everything."""
    store = SqliteStore(data / "documents" / f"{service}.sqlite")
    things = store.collection(THINGS)
    await store.open()
    rows = [row_of({"id": f"{service}-{number:05}", "version": 3, "odd": ODD}) for number in range(documents)]
    await things.insert_many(rows)
    await things.raise_marks({row.id: 3 for row in rows[:marked]})
    await store.close()
