"""Who holds a node, read while jobs change: whoever held it all the while is found."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from services.jobs.domain.document import JobDocument
from services.jobs.domain.signals import Kill, Place, SetPriority, Signal
from services.jobs.lookup import list_active
from services.jobs.store import WAITING, JobStore
from shared.contracts.commands.jobs import ListActiveJobs
from shared.contracts.job import HOLDING, Allocation, JobStatus, JobView, Share
from shared.ids import new_id
from shared.settings import PlatformSettings
from shared.store.open import open_store
from shared.store.port import Collection, Condition, Page, Schema, Store
from tests.support.documents import after, in_status, queued, started
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
        page = await self._inner.find(where, sort, after, limit)
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


async def on_node(store: JobStore, node: str, limit: int = 2) -> list[JobView]:
    """As an executor reads them: page by page, each behind the last id of the one before."""
    found: list[JobView] = []
    while True:
        page = await list_active(
            store, ListActiveJobs(node=node, after_id=found[-1].id if found else None, limit=limit)
        )
        found += [item.view for item in page.items]
        if not page.more:
            return found


@pytest.mark.parametrize("page", range(3))
async def test_a_job_that_holds_a_node_all_the_while_is_met_once_whatever_it_does(tmp_path: Path, page: int) -> None:
    async with busy_store(tmp_path) as (store, busy):
        ids = await stored(store, *[JobStatus.SCHEDULING] * 3, *[JobStatus.RUNNING] * 2)
        others = [(id, SetPriority(1)) for id in await stored(store, *[JobStatus.QUEUED] * 3)]
        start = started().model_copy(update={"job_id": ids[1]})
        busy.changes = [*others[:page], (ids[1], start), (ids[1], Kill()), *others[page:]]
        assert [view.id for view in await on_node(store, "node-1", limit=1)] == ids
        assert busy.changes == []
        assert [view.state.status for view in await on_node(store, "node-1")][1] is JobStatus.KILLING


async def test_a_node_holds_the_jobs_that_were_placed_there_until_they_let_go(tmp_path: Path) -> None:
    async with busy_store(tmp_path) as (store, _):
        ids = await stored(store, *JobStatus, *JobStatus)
        elsewhere = Place(Allocation(shares=(Share(node="node-2", devices=(0,)),)))
        other = named(after(queued(), elsewhere), new_id())
        await store.heads.insert(other)
        holding = [id for id, status in zip(ids, [*JobStatus, *JobStatus], strict=True) if status in HOLDING]
        assert [view.id for view in await on_node(store, "node-1")] == holding
        assert [view.id for view in await on_node(store, "node-2")] == [other.id]
        assert await on_node(store, "node") == []
        shares = (Share(node="node-3", executor="cluster"), Share(node="node-4", rank=1, executor="cluster"))
        gang = named(after(queued(nodes=2), Place(Allocation(shares=shares))), new_id())
        await store.heads.insert(gang)
        assert [view.id for view in await on_node(store, "cluster")] == [gang.id]
        assert await on_node(store, "node-3") == []
        late = await store.waiting()
        assert {job.status for job in late} == set(WAITING)
        assert len(late) == 2 * len(WAITING) + 2
