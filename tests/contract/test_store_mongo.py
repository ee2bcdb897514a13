"""What only the MongoDB adapter promises: a server that is away is said, and used again when it is back."""

import asyncio
import signal
import sys
import uuid
from collections.abc import Iterator
from typing import Any

import pymongo
import pytest

from shared.store.mongo import MongoStore
from shared.store.port import DuplicateKey, Eq, Guard, Index, IndexDiffers, StoreUnavailable, Swap
from tests.support.mongo import MongoServer
from tests.support.notes import LEASES, NOTES, Lease, Note, schema
from tests.support.platform import CHECKOUT

TIMEOUT_S = 1.0


@pytest.fixture(scope="module")
def server() -> Iterator[MongoServer]:
    with MongoServer() as server:
        yield server


async def test_a_server_that_is_away_is_said_and_used_again(server: MongoServer) -> None:
    store = MongoStore(server.url, uuid.uuid4().hex, 3.0)
    notes = store.collection(NOTES)
    await store.open()
    try:
        await notes.insert(Note(id="a"))
        await asyncio.to_thread(server.kill)
        away = await asyncio.gather(
            notes.get("a"),
            notes.insert(Note(id="b")),
            notes.insert_many([Note(id="b")]),
            notes.swap(Note(id="a", version=2), 1),
            notes.swap_many([Swap(Note(id="a", version=2), 1)]),
            notes.transaction([Swap(Note(id="a", version=2), 1)], [Guard("notes", "a", 1)]),
            notes.find(),
            notes.count(),
            notes.count_by("owner"),
            notes.delete("a"),
            notes.raise_marks({"a": 1}),
            notes.marked("a"),
            notes.behind(),
            store.ping(),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in away] == [StoreUnavailable] * len(away)
        await asyncio.to_thread(server.start)
        assert await notes.get("a") == Note(id="a")
        assert await notes.swap(Note(id="a", version=2), 1)
    finally:
        await store.close()


async def test_a_server_that_hangs_is_given_up_on(server: MongoServer) -> None:
    store = MongoStore(server.url, uuid.uuid4().hex, 3.0)
    notes = store.collection(NOTES)
    await store.open()
    try:
        await notes.insert(Note(id="a"))
        server.pause()
        try:
            with pytest.raises(StoreUnavailable):
                await notes.swap(Note(id="a", version=2), 1)
        finally:
            server.resume()
        assert (await notes.get("a")) in (Note(id="a"), Note(id="a", version=2))
    finally:
        await store.close()


LEFT_OPEN = """
import asyncio, os, signal, sys
from shared.store.mongo import MongoStore
from shared.store.port import Guard, Swap
from tests.support.platform import CHECKOUT
from tests.support.notes import LEASES, NOTES, Note

async def main():
    store = MongoStore(sys.argv[1], sys.argv[2])
    notes, _ = store.collection(NOTES), store.collection(LEASES)
    await store.open()

    class DiesWithin(list):
        def __bool__(self):  # asked for when the guards hold and the swaps come next
            os.kill(os.getpid(), signal.SIGKILL)

    await notes.transaction(DiesWithin([Swap(Note(id="a", version=2), 1)]), [Guard("leases", "lease", 1)])

asyncio.run(main())
"""


async def killed_inside_a_transaction(url: str, service: str) -> None:
    client = await asyncio.create_subprocess_exec(sys.executable, "-c", LEFT_OPEN, url, service, cwd=CHECKOUT)
    assert await client.wait() == -signal.SIGKILL


async def test_a_client_that_was_killed_inside_a_transaction_does_not_hold_up_the_next(server: MongoServer) -> None:
    store = MongoStore(server.url, uuid.uuid4().hex, 3.0)
    notes, leases = store.collection(NOTES), store.collection(LEASES)
    await store.open()
    try:
        await notes.insert(Note(id="a"))
        await leases.insert(Lease(id="lease"))
        await killed_inside_a_transaction(server.url, store.service)
        assert await notes.transaction([Swap(Note(id="a", version=2), 1)], [Guard("leases", "lease", 1)])
    finally:
        await store.close()


async def test_a_write_that_waited_in_vain_for_a_killed_client_succeeds_when_repeated(server: MongoServer) -> None:
    store = MongoStore(server.url, uuid.uuid4().hex, TIMEOUT_S)
    notes, leases = store.collection(NOTES), store.collection(LEASES)
    await store.open()
    try:
        await notes.insert(Note(id="a"))
        await leases.insert(Lease(id="lease"))
        await killed_inside_a_transaction(server.url, store.service)
        with pytest.raises(StoreUnavailable):
            await leases.raise_marks({"lease": 5})
        await leases.raise_marks({"lease": 5})
        marked = await leases.marked("lease")
        assert marked is not None
        assert marked.mark == 5
    finally:
        await store.close()


async def test_open_says_that_nobody_answers(server: MongoServer) -> None:
    store = MongoStore("mongodb://127.0.0.1:1/?directConnection=true", "notes", 0.2)
    store.collection(NOTES)
    with pytest.raises(StoreUnavailable, match="MongoDB"):
        await store.open()


async def test_replicas_of_two_versions_each_have_their_indexes(
    server: MongoServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that only has a new name is not made twice: `by_count` is the old one's `by_number`."""
    service = uuid.uuid4().hex
    old, new = MongoStore(server.url, service), MongoStore(server.url, service)
    notes = old.collection(NOTES)
    new.collection(schema(Index("by_count", ("number",)), Index("by_key_alone", ("key",))))
    await old.open()
    try:
        await notes.insert(Note(id="a", owner="u", key="k"))
        olds = await old.rows("notes").index_information()
        await new.open()
        try:
            both = await old.rows("notes").index_information()
            assert both == {**olds, "by_key_alone": both["by_key_alone"]}
            with pytest.raises(DuplicateKey):
                await notes.insert(Note(id="b", owner="u", key="k"))
        finally:
            await new.close()
    finally:
        await old.close()
    logged = [line for line in capsys.readouterr().out.splitlines() if "index_undeclared" in line]
    assert any("by_key.lookup" in line for line in logged)
    assert not any("by_number" in line or "by_key_alone" in line or "_id_" in line for line in logged)


@pytest.mark.parametrize(
    ("changed", "advice"),
    [
        (Index("by_number", ("-number",)), "Give the changed index a new name"),
        (
            Index("open_by_owner", ("open", "owner", "-number"), only=Eq("open", False)),
            "Give the changed index a new name",
        ),
        (Index("by_once", ("owner", "key"), unique=True), "Declare it under the name by_key"),
    ],
)
async def test_an_index_is_not_redefined_under_those_who_use_it(
    server: MongoServer, changed: Index, advice: str
) -> None:
    service = uuid.uuid4().hex
    old, new = MongoStore(server.url, service), MongoStore(server.url, service)
    old.collection(NOTES)
    new.collection(schema(changed))
    await old.open()
    try:
        before = await old.rows("notes").index_information()
        with pytest.raises(IndexDiffers, match=advice):
            await new.open()
        assert await old.rows("notes").index_information() == before
    finally:
        await old.close()


async def test_people_find_plain_documents_in_the_database(server: MongoServer) -> None:
    service = uuid.uuid4().hex
    store = MongoStore(server.url, service)
    notes, leases = store.collection(NOTES), store.collection(LEASES)
    await store.open()
    try:
        await leases.insert(Lease(id="lease"))
        await notes.insert(Note(id="a", owner="u", data={"labels": {"a.b": 1, "$x": 2, "100%": 3}}))
        assert await notes.transaction([], [Guard("leases", "lease", 1)])
    finally:
        await store.close()
    with pymongo.MongoClient[dict[str, Any]](server.url) as client:
        row = client[f"jobyard_{service}"]["notes"].find_one({"doc.owner": "u"})
        assert row is not None
        assert (row["_id"], row["version"], row["mark"], row["pending"]) == ("a", 1, 0, True)
        assert row["doc"]["data"] == {"labels": {"a%2Eb": 1, "%24x": 2, "100%25": 3}}
        lease = client[f"jobyard_{service}"]["leases"].find_one({"_id": "lease"})
        assert lease is not None
        assert lease["version"] == 1
