"""The outbox: what was stored is published in order, what was published is not published again by another process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from services.jobs.domain.document import JobDocument, events_after
from services.jobs.domain.machine import decide
from services.jobs.domain.signals import Kill, Pause, Resume, Signal
from services.jobs.domain.submission import submit
from services.jobs.store import JobStore
from shared.bus.bus import Bus
from shared.contracts.commands.submission import NewJob
from shared.contracts.errors import PermanentError, Unavailable
from shared.contracts.events import AnyCloudEvent
from shared.contracts.job import Actor, JobRequest
from shared.ids import new_id
from shared.outbox import PAGE, Outbox
from shared.settings import PlatformSettings
from shared.store.open import open_store
from tests.support.waiting import until
from tests.support.yard import START

ADA = Actor(kind="user", name="ada")


class Stream(Bus):
    """Keeps what is published, once the test has opened it."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.opened.set()
        self.published: list[tuple[str, str]] = []

    async def publish(self, subject: str, event: AnyCloudEvent) -> int:
        await self.opened.wait()
        self.published.append((subject, event.id))
        return len(self.published)

    @property
    def ids(self) -> list[str]:
        return [id for _, id in self.published]


@asynccontextmanager
async def stored_jobs(data: Path) -> AsyncIterator[JobStore]:
    store = open_store(PlatformSettings(data=data), "jobs", local=True)
    jobs = JobStore(store)
    await store.open()
    try:
        yield jobs
    finally:
        await store.close()


@pytest.fixture
async def jobs(tmp_path: Path) -> AsyncIterator[JobStore]:
    async with stored_jobs(tmp_path) as store:
        yield store


async def new_job(jobs: JobStore) -> JobDocument:
    document = submit(NewJob(id=new_id(), owner="ada", request=JobRequest(name="j", command="true")), START)
    await jobs.jobs.insert(document)
    return document


async def changed(jobs: JobStore, document: JobDocument, *signals: Signal) -> JobDocument:
    for signal in signals:
        after = decide(document, signal, ADA, None, START + timedelta(seconds=1))
        assert await jobs.jobs.swap(after, document.version)
        document = after
    return document


def ids_of(document: JobDocument, *versions: int) -> list[str]:
    return [f"{document.id}:{version}" for version in versions]


async def test_every_change_is_published_in_order_under_its_own_id_and_subject(jobs: JobStore) -> None:
    stream = Stream()
    outbox = Outbox(stream, jobs.jobs, events_after)
    document = await new_job(jobs)
    outbox.committed([document])
    outbox.committed([await changed(jobs, document, Pause(), Resume(), Kill())])
    await outbox.drain()
    assert stream.published == [
        (f"evt.job.{fact}.v1.default.{document.id}", f"{document.id}:{number}")
        for number, fact in enumerate(("submitted", "paused", "resumed", "killed"), start=1)
    ]
    assert outbox.lag == 0


async def test_it_says_how_much_waits_and_for_how_long_while_nothing_is_published(jobs: JobStore) -> None:
    stream = Stream()
    stream.opened.clear()
    outbox = Outbox(stream, jobs.jobs, events_after)
    assert (outbox.lag, outbox.oldest_s) == (0, 0.0)
    first = await new_job(jobs)
    outbox.committed([first])
    await until(lambda: outbox.oldest_s > 0.05, "time passes")
    outbox.committed([await new_job(jobs)])
    waited = outbox.oldest_s
    outbox.committed([await changed(jobs, first, Pause())])
    assert outbox.lag == 2
    assert outbox.oldest_s >= waited > 0.05, "neither a newer document nor a newer version makes it shorter"
    stream.opened.set()
    await outbox.drain()
    assert (outbox.lag, outbox.oldest_s) == (0, 0.0)


async def test_what_was_committed_meanwhile_follows_and_nothing_comes_twice(jobs: JobStore) -> None:
    stream = Stream()
    outbox = Outbox(stream, jobs.jobs, events_after)
    first, other = await new_job(jobs), await new_job(jobs)
    stream.opened.clear()
    outbox.committed([first, other])
    paused = await changed(jobs, first, Pause())
    resumed = await changed(jobs, paused, Resume())
    outbox.committed([resumed])
    outbox.committed([paused])
    assert outbox.lag == 2
    stream.opened.set()
    await outbox.drain()
    assert [id for id in stream.ids if id.startswith(first.id)] == ids_of(first, 1, 2, 3)
    assert [id for id in stream.ids if id.startswith(other.id)] == ids_of(other, 1)


async def test_an_event_that_no_stream_takes_does_not_keep_back_those_after_it(jobs: JobStore) -> None:
    class Choosy(Stream):
        async def publish(self, subject: str, event: AnyCloudEvent) -> int:
            if event.id.endswith(":2"):
                raise PermanentError("too large")
            return await super().publish(subject, event)

    stream = Choosy()
    outbox = Outbox(stream, jobs.jobs, events_after)
    document = await changed(jobs, await new_job(jobs), Pause(), Resume())
    outbox.committed([document])
    await outbox.drain()
    assert stream.ids == ids_of(document, 1, 3)
    assert await jobs.jobs.behind() == []


async def test_a_drain_leaves_nothing_for_a_sweep(jobs: JobStore) -> None:
    outbox = Outbox(Stream(), jobs.jobs, events_after)
    outbox.committed([await changed(jobs, await new_job(jobs), Pause())])
    await outbox.drain()
    assert await jobs.jobs.behind() == []


async def test_another_process_publishes_only_what_is_new(jobs: JobStore) -> None:
    document = await new_job(jobs)
    first = Outbox(Stream(), jobs.jobs, events_after)
    first.committed([document])
    await first.drain()
    stream = Stream()
    second = Outbox(stream, jobs.jobs, events_after)
    second.committed([await changed(jobs, document, Pause())])
    await second.drain()
    assert stream.ids == ids_of(document, 2)


async def test_a_start_publishes_what_a_killed_process_had_only_stored(tmp_path: Path) -> None:
    async with stored_jobs(tmp_path) as jobs:
        document = await changed(jobs, await new_job(jobs), Pause())
    async with stored_jobs(tmp_path) as jobs:
        stream = Stream()
        sweeping = asyncio.create_task(Outbox(stream, jobs.jobs, events_after).run())
        await until(
            lambda: stream.ids == ids_of(document, 1, 2), "both are published, long before a sweep would do it", 9
        )
        sweeping.cancel()
        with suppress(asyncio.CancelledError):
            await sweeping


async def many_jobs(jobs: JobStore) -> list[str]:
    """More than two pages."""
    new = [NewJob(id=new_id(), owner="ada", request=JobRequest(name="j", command="true")) for _ in range(2 * PAGE + 9)]
    assert not any(await jobs.jobs.insert_many([submit(one, START) for one in new]))
    return [f"{one.id}:1" for one in new]


async def test_a_start_publishes_however_much_was_only_stored(jobs: JobStore) -> None:
    expected = await many_jobs(jobs)
    stream = Stream()
    outbox = Outbox(stream, jobs.jobs, events_after)
    await outbox.sweep(everything=True)
    await outbox.drain()
    assert sorted(stream.ids) == expected
    assert await jobs.jobs.behind() == []


async def test_a_sweep_that_finds_a_whole_page_late_publishes_all_that_lies_behind_it(jobs: JobStore) -> None:
    expected = await many_jobs(jobs)
    stream = Stream()
    outbox = Outbox(stream, jobs.jobs, events_after)
    await outbox.sweep()
    assert stream.ids == [], "its own replica may be publishing it just now"
    await outbox.sweep()
    await outbox.drain()
    assert sorted(stream.ids) == expected


async def test_a_sweep_ends_while_nothing_can_be_published_and_the_next_one_goes_on(jobs: JobStore) -> None:
    class Away(Stream):
        away = True

        async def publish(self, subject: str, event: AnyCloudEvent) -> int:
            if self.away:
                raise Unavailable("The broker is away.")
            return await super().publish(subject, event)

    expected = await many_jobs(jobs)
    stream = Away()
    outbox = Outbox(stream, jobs.jobs, events_after)
    await outbox.sweep(everything=True)
    assert outbox.lag == 0
    stream.away = False
    await outbox.sweep()
    await outbox.drain()
    assert sorted(stream.ids) == expected
