"""Moving documents to MongoDB: all of them or none, as they were, and again after an interruption."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr

from services.admin.migrate import NOTES, Copied, MigrationNote, migrate
from services.admin.refused import Refused
from shared.settings import PlatformSettings
from shared.store.mongo import MongoCollection, MongoStore
from shared.store.port import StoreInUse
from shared.store.sqlite import SqliteStore, files
from shared.store.sqlite.files import StoredRow
from tests.support.installation import THINGS, fill, row_of
from tests.support.mongo import mongo_url


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with mongo_url() as url:
        yield url


@pytest.fixture
def url(server: str) -> str:
    """Databases of this test's own."""
    address, _, options = server.partition("?")
    return f"{address.rstrip('/')}/t{uuid4().hex[:8]}?{options}"


@pytest.fixture
async def settings(tmp_path: Path, url: str) -> PlatformSettings:
    await fill(tmp_path, "jobs", 450, marked=300)
    await fill(tmp_path, "gateway", 3)
    await fill(tmp_path, "executor", 2)
    return PlatformSettings(data=tmp_path, mongo_url=SecretStr(url))


class Target:
    """What is in the MongoDB."""

    def __init__(self, url: str, service: str) -> None:
        self._store = MongoStore(url, service)
        self.things: MongoCollection[StoredRow] = self._store.collection(THINGS)
        self.notes = self._store.collection(NOTES)

    async def __aenter__(self) -> "Target":
        await self._store.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._store.close()


async def test_everything_is_there_as_it_was_with_its_marks_and_the_nodes_own_stays(
    settings: PlatformSettings, url: str
) -> None:
    copied = await migrate(settings)
    assert copied == [Copied("gateway", "things", 3), Copied("jobs", "things", 450)]
    async with Target(url, "jobs") as jobs:
        for page in files.rows(settings.data / "documents" / "jobs.sqlite", "things"):
            for row in page:
                marked = await jobs.things.marked(row.id)
                assert marked is not None
                assert marked.document.body == row_of_body(row)
                assert (marked.document.version, marked.mark) == (row.version, row.mark)
        assert len(await jobs.things.behind(500)) == 150
    async with Target(url, "executor") as executor:
        assert await executor.things.count() == 0
    with pytest.raises(Refused, match="were moved to this MongoDB before"):
        await migrate(settings)


def row_of_body(row: StoredRow) -> bytes:
    """The body as the adapter of MongoDB writes JSON."""
    import json

    return json.dumps(json.loads(row.body), ensure_ascii=False, separators=(",", ":")).encode()


async def test_a_copy_that_was_interrupted_goes_on(settings: PlatformSettings, url: str) -> None:
    async with Target(url, "admin") as admin:
        await admin.notes.insert(MigrationNote(source=str(settings.data.resolve())))
    async with Target(url, "jobs") as jobs:
        first = next(files.rows(settings.data / "documents" / "jobs.sqlite", "things"))
        await jobs.things.insert_many(first[:20])
    assert Copied("jobs", "things", 450) in await migrate(settings)


async def test_a_copy_of_another_installation_is_not_mixed_in(settings: PlatformSettings, url: str) -> None:
    async with Target(url, "admin") as admin:
        await admin.notes.insert(MigrationNote(source="/another"))
    with pytest.raises(Refused, match="A copy of /another into this MongoDB was begun"):
        await migrate(settings)


async def test_a_mongodb_with_documents_is_left_alone(settings: PlatformSettings, url: str) -> None:
    async with Target(url, "jobs") as jobs:
        await jobs.things.insert(row_of({"id": "theirs", "version": 1}))
        with pytest.raises(Refused, match="has things of jobs already"):
            await migrate(settings)
        assert await jobs.things.count() == 1
    async with Target(url, "gateway") as gateway:
        assert await gateway.things.count() == 0


@pytest.mark.parametrize("theirs", [{"id": "jobs-00007", "version": 3, "odd": "another"}, {"id": "x", "version": 1}])
async def test_what_somebody_else_wrote_meanwhile_is_found_out(
    settings: PlatformSettings, url: str, theirs: dict[str, object]
) -> None:
    async with Target(url, "admin") as admin:
        await admin.notes.insert(MigrationNote(source=str(settings.data.resolve())))
    async with Target(url, "jobs") as jobs:
        await jobs.things.insert(row_of(theirs))
    with pytest.raises(Refused):
        await migrate(settings)
    async with Target(url, "admin") as admin:
        note = await admin.notes.get("sqlite")
        assert note is not None and not note.done


async def test_a_platform_that_runs_is_told_to_stop_first(settings: PlatformSettings, url: str) -> None:
    store = SqliteStore(settings.data / "documents" / "jobs.sqlite")
    store.collection(THINGS)
    await store.open()
    with pytest.raises(StoreInUse, match="stop it first"):
        await migrate(settings)
    await store.close()
    async with Target(url, "gateway") as gateway:
        assert await gateway.things.count() == 0
