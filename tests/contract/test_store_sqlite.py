"""What only the SQLite adapter promises: durable through kill -9, one process per file, grouped commits, full disks."""

import asyncio
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from shared.store.port import (
    Between,
    Condition,
    DuplicateKey,
    Eq,
    Index,
    NotIn,
    StoreError,
    StoreInUse,
    StoreUnavailable,
    Swap,
)
from shared.store.query import Fields
from shared.store.sqlite import SqliteStore
from shared.store.sqlite.collection import SqliteCollection
from shared.store.sqlite.table import Table
from tests.support.notes import IN_A_ROOM, NOTES, OPEN, Note, changed, schema

ROOT = Path(__file__).parents[2]

INSERTS_UNTIL_KILLED = """
import asyncio, sys
from pathlib import Path
from shared.store.sqlite import SqliteStore
from tests.support.notes import NOTES, Note

async def insert(notes, name):
    for number in range(10**6):
        await notes.insert(Note(id=f"{name}-{number}", data={"text": "x" * 3000}))
        print(f"{name}-{number}", flush=True)

async def main():
    store = SqliteStore(Path(sys.argv[1]))
    notes = store.collection(NOTES)
    await store.open()
    await asyncio.gather(*(insert(notes, name) for name in "abcdefgh"))

asyncio.run(main())
"""

OPENS = """
import asyncio, sys
from pathlib import Path
from shared.store.sqlite import SqliteStore
asyncio.run(SqliteStore(Path(sys.argv[1])).open())
"""


def python(script: str, path: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", script, str(path)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "documents" / "notes.sqlite"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path)
    yield store
    await store.close()


async def opened(store: SqliteStore) -> SqliteCollection[Note]:
    notes = store.collection(NOTES)
    await store.open()
    return notes


async def test_indexes_that_are_declared_no_more_or_otherwise_hold_nobody_back(path: Path) -> None:
    """One process holds the file, so no other version needs them."""
    store = SqliteStore(path)
    notes = store.collection(NOTES)
    await store.open()
    await notes.insert(Note(id="a", owner="u", key="k"))
    await store.close()
    again = SqliteStore(path)
    notes = again.collection(schema(Index("by_key", ("key",))))
    await again.open()
    try:
        await notes.insert(Note(id="b", owner="u", key="k"))
    finally:
        await again.close()


async def test_what_was_acknowledged_survives_a_kill(path: Path, store: SqliteStore) -> None:
    with python(INSERTS_UNTIL_KILLED, path) as writer:
        assert writer.stdout is not None
        acknowledged = {writer.stdout.readline().strip() for _ in range(300)}
        writer.send_signal(signal.SIGKILL)
        acknowledged |= {line.strip() for line in writer.stdout if line.endswith("\n")}
    notes = await opened(store)
    assert len(acknowledged) >= 300
    assert acknowledged <= (await notes.get_many(sorted(acknowledged))).keys()
    assert await notes.count() >= len(acknowledged)
    await notes.insert(Note(id="after"))


async def test_a_second_process_is_told_who_holds_the_file(path: Path, store: SqliteStore) -> None:
    notes = await opened(store)
    with pytest.raises(StoreInUse, match=rf"{path} is in use by the process {os.getpid()}"):
        await SqliteStore(path).open()
    with python(OPENS, path) as second:
        assert second.wait() == 1
        assert second.stderr is not None
        assert f"StoreInUse: {path} is in use by the process {os.getpid()}; stop it first" in second.stderr.read()
    await notes.insert(Note(id="a"))
    await store.close()
    await store.open()
    assert await notes.get("a") == Note(id="a")


async def test_waiting_writes_share_a_commit(path: Path, store: SqliteStore) -> None:
    notes = await opened(store)
    log = path.with_name(path.name + "-wal")
    before = log.stat().st_size
    await asyncio.gather(*(notes.insert(Note(id=f"n{number:04}")) for number in range(500)))
    assert log.stat().st_size - before < 500 * 4096  # alone, every one of them writes several pages


async def test_a_failed_statement_leaves_its_group_alone(store: SqliteStore) -> None:
    notes = await opened(store)
    await notes.insert_many([Note(id="x"), Note(id="y")])
    results = await asyncio.gather(
        notes.insert(Note(id="a")),
        notes.insert(Note(id="too-large", version=2**64)),
        notes.insert(Note(id="x")),
        notes.transaction([Swap(Note(id="y", version=2), 1), Swap(Note(id="x", version=3), 2)]),
        notes.transaction([Swap(Note(id="y", version=2), 1), Swap(Note(id="x", version=2**64), 1)]),
        notes.insert(Note(id="b")),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [
        type(None),
        OverflowError,
        DuplicateKey,
        bool,
        OverflowError,
        type(None),
    ]
    assert [note.id for note in (await notes.find()).items] == ["a", "b", "x", "y"]
    assert await notes.get("y") == Note(id="y")


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file of this process may grow beyond this many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_disk_is_said_and_recovered_from(path: Path, store: SqliteStore) -> None:
    notes = await opened(store)
    await notes.insert(Note(id="a"))
    with full_disk(path.with_name(path.name + "-wal").stat().st_size):
        results = await asyncio.gather(
            notes.swap(Note(id="a", version=2), 1),
            *(notes.insert(Note(id=f"big-{number}", data={"text": "x" * 50_000})) for number in range(100)),
            return_exceptions=True,
        )
        assert {type(result) for result in results} == {StoreUnavailable}
        assert str(path) in str(results[0])
        assert await notes.get("a") == Note(id="a")
    assert await notes.swap(Note(id="a", version=2), 1)
    await notes.insert(Note(id="big-0"))
    assert await notes.count() == 2


async def test_a_stranger_with_a_lock_makes_it_unavailable_for_as_long(path: Path, store: SqliteStore) -> None:
    notes = await opened(store)
    with closing(sqlite3.connect(path, isolation_level=None)) as stranger:
        stranger.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="another program has locked"):
            await notes.insert(Note(id="a"))
        assert await notes.get("a") is None
        stranger.execute("ROLLBACK")
    await notes.insert(Note(id="a"))


def test_a_file_that_is_no_database_is_said(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not a database" * 1000)
    for _ in range(2):  # the first failure lets go of the lock
        with pytest.raises(StoreUnavailable, match="damaged"):
            asyncio.run(SqliteStore(path).open())
    path.unlink()
    path.mkdir()
    with pytest.raises(StoreUnavailable, match="cannot be read or written"):
        asyncio.run(SqliteStore(path).open())


async def test_a_unique_index_that_old_documents_break_is_said(path: Path, store: SqliteStore) -> None:
    notes = await opened(store)
    await notes.insert_many([Note(id="a", number=1), Note(id="b", number=1)])
    await store.close()
    strict = SqliteStore(path)
    strict.collection(schema(Index("by_number", ("number",), unique=True)))
    for _ in range(2):
        with pytest.raises(StoreError, match="unique index by_number; change them"):
            await strict.open()


async def test_close_finishes_what_is_queued(path: Path, store: SqliteStore) -> None:
    notes = await opened(store)
    inserts = [asyncio.ensure_future(notes.insert(Note(id=f"n{number}"))) for number in range(200)]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*inserts)
    again = SqliteStore(path)
    assert await (await opened(again)).count() == 200
    await again.close()


async def test_the_log_does_not_grow_for_ever(path: Path) -> None:
    """Under writes that never pause, it begins anew instead."""
    store = SqliteStore(path, log_bytes=1 << 20)
    notes = await opened(store)

    async def write(name: str) -> None:
        note = Note(id=name)
        await notes.insert(note)
        for _ in range(200):
            after = changed(note, data={"text": "x" * 100_000})
            assert await notes.swap(after, note.version)
            note = after

    await asyncio.gather(*(write(name) for name in "abcd"))
    assert path.with_name(path.name + "-wal").stat().st_size < 40 << 20  # 80 MB were written
    await store.close()


async def test_questions_are_answered_by_indexes(path: Path, store: SqliteStore) -> None:
    await opened(store)
    table, fields = Table(NOTES), Fields(NOTES)
    questions = [
        table.find(fields.query([Eq("owner", "u")], ("-id",), None, 50), 51),
        table.find(fields.query([Eq("owner", "u")], ("-id",), ("n",), 50), 51),
        table.find(fields.query([Eq("owner", "u")], ("-number",), None, 50), 51),
        table.find(fields.query([Eq("owner", "u")], ("-number",), (3, "n"), 50), 51),
        table.find(fields.query([Eq("owner", "u"), Eq("key", "k")], (), None, 1), 2),
        table.count(fields.filter([Eq("owner", "u")]), None),
        table.count_by("owner", ()),
        (table.behind, [100]),
        (table.get, ["a"]),
    ]
    with closing(sqlite3.connect(path)) as stranger:
        for sql, arguments in questions:
            plan = [row[3] for row in stranger.execute(f"EXPLAIN QUERY PLAN {sql}", arguments)]
            assert not [step for step in plan if step.startswith("SCAN notes") and "INDEX" not in step], (sql, plan)
            assert not [step for step in plan if "TEMP B-TREE" in step], (sql, plan)


async def test_an_index_over_some_documents_serves_who_wants_just_those(path: Path, store: SqliteStore) -> None:
    await opened(store)
    table, fields = Table(NOTES), Fields(NOTES)
    served: list[tuple[str, tuple[Condition, ...], tuple[str, ...], tuple[Any, ...] | None]] = [
        ("open_by_owner", (OPEN,), ("owner", "-number"), None),
        ("open_by_owner", (OPEN,), ("-owner", "number"), ("u", 3, "n")),
        ("open_by_owner", (OPEN, NotIn("number", (1, 2))), ("owner", "-number"), None),
        ("by_owner", (Eq("owner", "u"),), ("-number",), None),
        ("by_owner", (Eq("open", False), Eq("owner", "u")), ("-number",), None),
        ("in_rooms", (IN_A_ROOM, Eq("place.room", "r")), ("number",), None),
        ("in_rooms", (IN_A_ROOM, Between("place.room", high="r")), ("place.room", "number"), None),
    ]
    with closing(sqlite3.connect(path)) as stranger:
        for index, conditions, order, after in served:
            sql, arguments = table.find(fields.query(conditions, order, after, 50), 51)
            plan = [row[3] for row in stranger.execute(f"EXPLAIN QUERY PLAN {sql}", arguments)]
            reads = [step for step in plan if " notes" in step]
            assert reads and all(f"INDEX notes.{index}" in step for step in reads), (index, plan)
            assert not [step for step in plan if "TEMP B-TREE" in step], (index, plan)


def test_it_runs_on_uvloop(path: Path) -> None:
    async def use() -> list[bool]:
        store = SqliteStore(path)
        notes = await opened(store)
        await asyncio.gather(*(notes.insert(Note(id=f"n{number}")) for number in range(50)))
        outcomes = await asyncio.gather(*(notes.swap(Note(id="n1", version=2), 1) for _ in range(50)))
        assert await notes.count() == 50
        await store.close()
        return outcomes

    assert sum(uvloop.run(use())) == 1
