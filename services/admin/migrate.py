"""A migration: every service's documents from SQLite files to MongoDB, as they are, with their outboxes' marks.

A note in the target says whose copy it is and whether it is done: a copy that was interrupted goes on, and nothing is
ever mixed with other documents. The files stay as they were.
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from services.admin.contents import databases
from services.admin.refused import Refused
from shared.contracts.base import Contract
from shared.settings import PlatformSettings
from shared.store.mongo import MongoCollection, MongoStore
from shared.store.port import Schema
from shared.store.sqlite import files
from shared.store.sqlite.files import StoredRow
from shared.store.sqlite.lock import FileLock

TIMEOUT_S = 60.0
NOTE = "sqlite"


class MigrationNote(Contract):
    """Stands in the target's database `..._admin`."""

    id: str = NOTE
    version: int = 1
    source: str
    done: bool = False


NOTES = Schema[MigrationNote](
    "migrations", dump=lambda note: note.model_dump_json().encode(), load=MigrationNote.model_validate_json
)


@dataclass(frozen=True)
class Copied:
    """One collection that is in the target now."""

    service: str
    collection: str
    documents: int


async def migrate(settings: PlatformSettings) -> list[Copied]:
    """Copy and verify everything; what there is now. Raises Refused, StoreInUse, StoreError."""
    if settings.mongo_url is None:
        raise Refused("Say where to: set JOBYARD_MONGO_URL to the MongoDB that is to have the documents.")
    sources = databases(settings.data)
    if not sources:
        raise Refused(f"There are no documents in {settings.data}. Name the platform's data folder with --data.")
    url = settings.mongo_url.get_secret_value()
    with ExitStack() as locks:
        for path in sources.values():
            lock = FileLock(path)
            lock.acquire()
            locks.callback(lock.release)
        return await _migrate(url, str(settings.data.resolve()), sources)


async def _migrate(url: str, source: str, sources: dict[str, Path]) -> list[Copied]:
    async with _opened(url, "admin") as admin:
        notes = admin.collection(NOTES)
        note = await notes.get(NOTE)
        if note is not None and note.done:
            raise Refused(f"The documents of {note.source} were moved to this MongoDB before. Nothing was changed.")
        if note is not None and note.source != source:
            raise Refused(f"A copy of {note.source} into this MongoDB was begun. Finish it, or take another database.")
        if note is None:
            for service, path in sources.items():
                await _refuse_documents(url, service, path)
            note = MigrationNote(source=source)
            await notes.insert(note)
        copied = [part for service, path in sources.items() for part in await _copy(url, service, path)]
        await notes.swap(note.model_copy(update={"version": note.version + 1, "done": True}), note.version)
        return copied


async def _refuse_documents(url: str, service: str, path: Path) -> None:
    async with _opened(url, service) as store:
        for name in files.counts(path):
            if await store.collection(_as_it_is(name)).count(at_most=1):
                raise Refused(f"This MongoDB has {name} of {service} already. Take an empty one; nothing was changed.")


async def _copy(url: str, service: str, path: Path) -> list[Copied]:
    """All collections of one service, then read back and compared."""
    copied = []
    async with _opened(url, service) as store:
        for name, count in files.counts(path).items():
            collection = store.collection(_as_it_is(name))
            for page in files.rows(path, name):
                await collection.insert_many(page)
                await collection.raise_marks({row.id: row.mark for row in page if row.mark})
            for page in files.rows(path, name):
                await _verify(collection, service, name, page)
            there = await collection.count()
            if there != count:
                raise Refused(
                    f"This MongoDB has {there} {name} of {service}, the file has {count}. Empty it and begin anew."
                )
            copied.append(Copied(service, name, count))
    return copied


async def _verify(collection: MongoCollection[StoredRow], service: str, name: str, page: Sequence[StoredRow]) -> None:
    there = await collection.get_many([row.id for row in page])
    for row in page:
        copy = there.get(row.id)
        if copy is None or json.loads(copy.body) != json.loads(row.body):
            raise Refused(
                f"The document {row.id} of {service}.{name} is not in MongoDB as it is in the file. "
                "Somebody else writes to this database: stop that, empty it, and begin anew."
            )


@asynccontextmanager
async def _opened(url: str, service: str) -> AsyncIterator[MongoStore]:
    """Without its indexes, which the service itself makes at its start."""
    store = MongoStore(url, service, TIMEOUT_S)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def _as_it_is(name: str) -> Schema[StoredRow]:
    return Schema[StoredRow](name, dump=lambda row: row.body, load=_row)


def _row(body: bytes) -> StoredRow:
    fields = json.loads(body)
    return StoredRow(fields["id"], fields["version"], 0, body)
