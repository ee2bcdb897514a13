"""The port's collection on a MongoDB collection."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any, Generic, Protocol

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorClientSession, AsyncIOMotorCollection
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from shared.store.mongo import layout
from shared.store.mongo.failures import translated
from shared.store.mongo.sessions import PATIENCE_S, Sessions
from shared.store.port import Condition, D, DuplicateKey, Guard, Marked, Page, Schema, Swap
from shared.store.query import Fields, Test, place_of

Rows = AsyncIOMotorCollection[dict[str, Any]]

_CONFLICT_DELAY_S = 0.02  # at most, before a transaction that lost against another is tried again
_DUPLICATE_KEY = 11000


class Database(Protocol):
    """What a collection needs of its store."""

    @property
    def client(self) -> "AsyncIOMotorClient[dict[str, Any]]": ...

    @property
    def sessions(self) -> Sessions: ...

    @property
    def timeout(self) -> float: ...

    def rows(self, name: str) -> Rows: ...


class MongoCollection(Generic[D]):
    """See `port.Collection`."""

    def __init__(self, store: Database, schema: Schema[D], fields: Fields) -> None:
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
                    if waited >= PATIENCE_S:
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
                cursor = self._rows.find(layout.filter_of(start), {"doc": 1}, sort=order, limit=limit + 1 - len(found))
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
