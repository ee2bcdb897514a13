"""Who holds devices, read while jobs change: whoever held them all the while is found."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from services.jobs.domain.document import JobDocument
from services.jobs.domain.signals import Kill, SetPriority, Signal
from services.jobs.store import HOLDING_IN_ORDER, WAITING, JobStore
from shared.contracts.job import HOLDING, JobStatus
from shared.ids import new_id
from shared.settings import PlatformSettings
from shared.store.open import open_store
from shared.store.port import Collection, Condition, Page, Schema, Store
from tests.support.documents import after, in_status, started
from tests.support.jobs import named


class Pausing:
    """A collection that lets others act behind each page that it has read."""

    def __init__(self, inner: Collection[Any], act: Callable[[], Awaitable[None]]) -> None:
        self._inner = inner
        self._act = act

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def find(
        self,
        where: Sequence[Condition] = (),
        sort: Sequence[str] = (),
        after: tuple[Any, ...] | None = None,
        limit: int = 100,
    ) -> Page[Any]:
        page = await self._inner.find(where, sort, after, min(limit, 2))
        await self._act()
        return page


class Busy:
    """A store in which something happens behind each page that is read."""

    def __init__(self, inner: Store) -> None:
        self._inner = inner
        self.jobs: Collection[JobDocument] | None = None
        self.changes: list[tuple[str, Signal]] = []
        """One behind each page."""

    def collection(self, schema: Schema[Any]) -> Any:
        return Pausing(self._inner.collection(schema), self._change)

    async def _change(self) -> None:
        if self.changes:
            assert self.jobs is not None
            id, signal = self.changes.pop(0)
            job = await self.jobs.get(id)
            assert job is not None
            assert await self.jobs.swap(after(job, signal), job.version)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@asynccontextmanager
async def busy_store(folder: Path) -> AsyncGenerator[tuple[JobStore, Busy], None]:
    inner = open_store(PlatformSettings(data=folder), "jobs", local=True)
    busy = Busy(inner)
    store = JobStore(busy)
    busy.jobs = store.jobs
    await inner.open()
    try:
        yield store, busy
    finally:
        await inner.close()


async def stored(store: JobStore, *statuses: JobStatus) -> list[str]:
    jobs = [named(in_status(status), new_id()) for status in statuses]
    assert await store.jobs.insert_many(jobs) == [None] * len(jobs)
    return [job.id for job in jobs]


@pytest.mark.parametrize("page", range(4))
async def test_a_job_that_starts_while_the_list_is_read_is_in_it_once_and_as_it_is_now(
    tmp_path: Path, page: int
) -> None:
    async with busy_store(tmp_path) as (store, busy):
        moving = (await stored(store, *[JobStatus.SCHEDULING] * 2, *[JobStatus.RUNNING] * 2))[1]
        others = [(id, SetPriority(1)) for id in await stored(store, *[JobStatus.QUEUED] * 3)]
        start = started().model_copy(update={"job_id": moving})
        busy.changes = [*others[:page], (moving, start), *others[page:]]
        found = await store.holding()
        assert [job.id for job in found].count(moving) == 1
        assert len(found) == 4


async def test_a_job_that_is_started_and_killed_while_the_list_is_read_is_in_it(tmp_path: Path) -> None:
    async with busy_store(tmp_path) as (store, busy):
        (moving,) = await stored(store, JobStatus.SCHEDULING)
        busy.changes = [(moving, started().model_copy(update={"job_id": moving})), (moving, Kill())]
        assert [(job.id, job.state.status) for job in await store.holding()] == [(moving, JobStatus.KILLING)]


async def test_a_list_begins_behind_an_id_and_has_every_status_that_holds(tmp_path: Path) -> None:
    async with busy_store(tmp_path) as (store, _):
        ids = await stored(store, *JobStatus, *JobStatus)
        holding = [id for id, status in zip(ids, [*JobStatus, *JobStatus], strict=True) if status in HOLDING]
        assert [job.id for job in await store.holding()] == holding
        assert [job.id for job in await store.holding(holding[4])] == holding[5:]
        assert {job.status for job in await store.waiting()} == set(WAITING)
    assert set(HOLDING_IN_ORDER) == HOLDING
