"""The port on MongoDB: the one module that knows its driver, so that the driver's successor is a day's change.

Writes are acknowledged by a majority and journaled, reads see only what a majority has, from the primary. Every call
has one deadline for all its repetitions; what it did not finish by then is unknown, and raises StoreUnavailable.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Generic

import pymongo
import structlog
from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorClientSession,
    AsyncIOMotorCollection,
    AsyncIOMotorDatabase,
)
from pymongo import IndexModel, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from shared.store import layout
from shared.store.port import (
    Condition,
    D,
    DuplicateKey,
    Guard,
    IndexDiffers,
    Marked,
    Page,
    Schema,
    StoreUnavailable,
    Swap,
)
from shared.store.query import Fields, Test, place_of

log = structlog.get_logger()

Rows = AsyncIOMotorCollection[dict[str, Any]]

_TIMEOUT_S = 4.0  # shorter than whoever asks a service waits
_OPENING_S = 600.0  # an index of a million documents takes its time
_PATIENCE_S = 1.5  # no transaction of ours takes so long, unless its client is dead
_SESSION_NOTED_S = 600.0
_SESSION_LIVES_S = 1800.0  # of the server: it forgets sessions that nobody used for so long
_DATABASE = "jobyard"
_CONFLICT_DELAY_S = 0.02  # at most, before a transaction that lost against another is tried again
_DUPLICATE_KEY = 11000
_INDEX_DIFFERS = (85, 86)  # IndexOptionsConflict, IndexKeySpecsConflict
_PLAIN = {"v", "key", "ns", "background"}  # what the server says of an index without options


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
                    await _declare(self.rows(schema.name), schema)
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


class Sessions:
    """The sessions of this service's transactions, written down, so that the living can end those of the dead.

    A client that is killed inside a transaction leaves it open, and the server keeps its documents from everybody else
    for a minute. Ours take milliseconds: whoever has waited for `_PATIENCE_S` ends them all, and one that was alive is
    repeated by its owner, as after any conflict.
    """

    def __init__(self, store: MongoStore) -> None:
        self._store = store
        self._noted: dict[bytes, float] = {}
        self._ended = 0.0

    @property
    def _rows(self) -> Rows:
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
        if now - self._ended < _PATIENCE_S:
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


class MongoCollection(Generic[D]):
    """See `port.Collection`."""

    def __init__(self, store: MongoStore, schema: Schema[D], fields: Fields) -> None:
        self._store = store
        self._schema = schema
        self._fields = fields

    @property
    def _rows(self) -> Rows:
        return self._store.rows(self._schema.name)

    async def get(self, id: str) -> D | None:
        with translated():
            row = await self._rows.find_one({"_id": id}, {"doc": 1})
        return None if row is None else self._load(row)

    async def get_many(self, ids: Sequence[str]) -> dict[str, D]:
        with translated():
            rows = await self._rows.find({"_id": {"$in": list(ids)}}, {"doc": 1}).to_list(None)
        found = {row["_id"]: self._load(row) for row in rows}
        return {id: found[id] for id in ids if id in found}

    async def insert(self, document: D) -> None:
        with translated(document.id):
            await self._rows.insert_one(layout.new_row(document, self._schema.dump(document)))

    async def insert_many(self, documents: Sequence[D]) -> list[DuplicateKey | None]:
        outcomes: list[DuplicateKey | None] = [None] * len(documents)
        rows = [layout.new_row(document, self._schema.dump(document)) for document in documents]
        if not rows:
            return outcomes
        with translated():
            try:
                await self._rows.insert_many(rows, ordered=False)
            except BulkWriteError as error:
                refused = error.details["writeErrors"]
                if error.details["writeConcernErrors"] or any(one["code"] != _DUPLICATE_KEY for one in refused):
                    raise
                for one in refused:
                    outcomes[one["index"]] = layout.duplicate(documents[one["index"]].id, one)
        return outcomes

    async def swap(self, document: D, expected: int) -> bool:
        return await self._swap(document, expected)

    async def swap_many(self, swaps: Sequence[Swap[D]]) -> list[bool]:
        # One request each, side by side: a bulk write says how many matched, but not which. The journal joins them.
        outcomes = await asyncio.gather(
            *(self._swap(swap.document, swap.expected) for swap in swaps), return_exceptions=True
        )
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return [outcome for outcome in outcomes if isinstance(outcome, bool)]

    async def transaction(self, swaps: Sequence[Swap[D]], guards: Sequence[Guard] = ()) -> bool:
        loop = asyncio.get_running_loop()
        began = loop.time()
        with translated():
            while True:
                try:
                    async with self._store.sessions.patience():
                        return await self._all_or_none(swaps, guards)
                except PyMongoError as error:
                    waited = loop.time() - began
                    if not error.has_error_label("TransientTransactionError") or waited >= self._store.timeout:
                        raise
                    if waited >= _PATIENCE_S:
                        await self._store.sessions.end_all()
                await asyncio.sleep(random.uniform(0, _CONFLICT_DELAY_S))

    async def find(
        self,
        where: Sequence[Condition] = (),
        sort: Sequence[str] = (),
        after: tuple[Any, ...] | None = None,
        limit: int = 100,
    ) -> Page[D]:
        query = self._fields.query(where, sort, after, limit)
        order = layout.sort_of(query.order)
        found: list[dict[str, Any]] = []
        with translated():
            for start in query.starts:
                tests = layout.filter_of((*query.filter, *start))
                cursor = self._rows.find(tests, {"doc": 1}, sort=order, limit=limit + 1 - len(found))
                found += await cursor.to_list(None)
                if len(found) > limit:
                    break
        items = tuple(map(self._load, found[:limit]))
        return Page(items, place_of(found[limit - 1]["doc"], query.order) if len(found) > limit else None)

    async def count(self, where: Sequence[Condition] = (), at_most: int | None = None) -> int:
        tests = layout.filter_of(self._fields.filter(where))
        if at_most is not None and at_most < 1:
            return 0
        with translated():
            if at_most is None:
                return await self._rows.count_documents(tests)
            return await self._rows.count_documents(tests, limit=at_most)

    async def count_by(self, path: str, where: Sequence[Condition] = ()) -> dict[str, int]:
        field = layout.path_of(self._fields.check(path))
        steps: list[dict[str, Any]] = [
            {"$match": layout.filter_of((*self._fields.filter(where), Test(path, "some")))},
            {"$group": {"_id": f"${field}", "number": {"$sum": 1}}},
        ]
        with translated():
            return {str(row["_id"]): row["number"] async for row in self._rows.aggregate(steps)}

    async def delete(self, id: str) -> bool:
        with translated():
            return (await self._rows.delete_one({"_id": id})).deleted_count == 1

    async def raise_marks(self, marks: Mapping[str, int]) -> None:
        updates = [UpdateOne(layout.below_mark(id, mark), layout.raised(mark)) for id, mark in marks.items()]
        if updates:
            with translated():
                async with self._store.sessions.patience():
                    await self._rows.bulk_write(updates, ordered=False)

    async def marked(self, id: str) -> Marked[D] | None:
        with translated():
            row = await self._rows.find_one({"_id": id}, {"doc": 1, "mark": 1})
        return None if row is None else Marked(self._load(row), row["mark"])

    async def behind(self, limit: int = 100) -> list[Marked[D]]:
        with translated():
            cursor = self._rows.find(layout.BEHIND, {"doc": 1, "mark": 1}, sort=[("_id", 1)], limit=limit)
            rows = await cursor.to_list(None)
        return [Marked(self._load(row), row["mark"]) for row in rows]

    async def _all_or_none(self, swaps: Sequence[Swap[D]], guards: Sequence[Guard]) -> bool:
        """One attempt. A guard is written to, so that the transaction conflicts with whoever changes it meanwhile."""
        async with await self._store.client.start_session() as session:
            await self._store.sessions.note(session)
            async with session.start_transaction(ReadConcern("snapshot"), WriteConcern("majority", j=True)):
                held = await self._hold(guards, session) and await self._swap_all(swaps, session)
                if not held:
                    await session.abort_transaction()
                return held

    async def _hold(self, guards: Sequence[Guard], session: AsyncIOMotorClientSession) -> bool:
        for guard in guards:
            rows = self._store.rows(guard.collection)
            result = await rows.update_one(layout.held(guard.id, guard.version), layout.TOUCHED, session=session)
            if result.matched_count == 0:
                return False
        return True

    async def _swap_all(self, swaps: Sequence[Swap[D]], session: AsyncIOMotorClientSession) -> bool:
        """In one request: the transaction is open, and in others' way, for as short a time as can be."""
        if not swaps:
            return True
        updates = [UpdateOne(*self._change(swap.document, swap.expected)) for swap in swaps]
        try:
            result = await self._rows.bulk_write(updates, session=session)
        except BulkWriteError as error:
            first = error.details["writeErrors"][0]
            if first["code"] != _DUPLICATE_KEY:
                raise
            raise layout.duplicate(swaps[first["index"]].document.id, first) from error
        return result.matched_count == len(swaps)

    async def _swap(self, document: D, expected: int) -> bool:
        with translated(document.id):
            async with self._store.sessions.patience():
                result = await self._rows.update_one(*self._change(document, expected))
        return result.matched_count == 1

    def _change(self, document: D, expected: int) -> tuple[layout.Json, list[layout.Json]]:
        return layout.held(document.id, expected), layout.swapped(document, self._schema.dump(document))

    def _load(self, row: Mapping[str, Any]) -> D:
        document: D = self._schema.load(layout.body_of(row))
        return document


@contextmanager
def translated(id: str | None = None) -> Iterator[None]:
    """Turns the driver's errors into the port's."""
    try:
        yield
    except DuplicateKeyError as error:
        raise layout.duplicate(id or "?", error.details or {}) from error
    except PyMongoError as error:
        raise StoreUnavailable(f"MongoDB did not answer as it should: {error}") from error


async def _declare(rows: Rows, schema: Schema[Any]) -> None:
    """Create the declared indexes, and touch no others: they may be those of replicas of another version.

    A plain index that has another name there serves as well. Raises IndexDiffers for one that is there otherwise.
    """
    there = await rows.index_information()
    plain = {tuple(facts["key"]): name for name, facts in there.items() if facts.keys() <= _PLAIN}
    unknown = there.keys() - {"_id_"}
    for name, (keys, options) in layout.indexes_of(schema.indexes).items():
        twin = None if options or name in there else plain.get(tuple(keys))
        unknown -= {name, twin}
        if twin is not None:
            continue
        try:
            await rows.create_indexes([IndexModel(keys, name=name, **options)])
        except OperationFailure as error:
            if error.code not in _INDEX_DIFFERS:
                raise
            same = (other for other, facts in there.items() if facts["key"] == keys)
            raise IndexDiffers(schema.name, name, name if name in there else next(same, name)) from error
    for name in sorted(unknown):
        log.info("index_undeclared", collection=schema.name, index=name)
