"""Samples on their way: in order, never waited for, and with an end to how many wait for a server that is away."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

from services.executor.usage.feed import DROPPED, HELD, SENT, SampleFeed
from tests.support.executor import ID
from tests.support.usage import Listening, sample_with
from tests.support.waiting import until


@asynccontextmanager
async def running(feed: SampleFeed) -> AsyncIterator[None]:
    task = asyncio.create_task(feed.run())
    try:
        yield
    finally:
        task.cancel()


def seconds(bus: Listening) -> Callable[[], list[float | None]]:
    return lambda: [sample.cpu_seconds for _, sample in bus.told]


async def test_samples_go_in_order_to_the_subject_of_their_rank() -> None:
    bus = Listening()
    feed = SampleFeed(bus)
    async with running(feed):
        for number in range(3):
            feed.put(sample_with(cpu_seconds=float(number), rank=number))
        await until(lambda: len(bus.told) == 3, "all are told")
        feed.put(sample_with(cpu_seconds=3.0))
        await until(lambda: len(bus.told) == 4, "and one more")
    assert seconds(bus)() == [0, 1, 2, 3]
    assert [subject for subject, _ in bus.told] == [f"metric.{ID}.{rank}" for rank in (0, 1, 2, 0)]


async def test_while_no_server_is_there_the_newest_are_held_and_the_loss_is_told_once() -> None:
    bus = Listening(there=False)
    feed = SampleFeed(bus)
    with structlog.testing.capture_logs() as logs:
        async with running(feed):
            for number in range(HELD + 7):
                feed.put(sample_with(cpu_seconds=float(number)))
            await asyncio.sleep(0)
            assert bus.told == []
            bus.there = True
            await until(lambda: len(bus.told) == HELD, "those that were held are told")
    assert seconds(bus)()[0] == 7
    assert feed.outcomes == {SENT: HELD, DROPPED: 7}
    assert [(entry["event"], entry.get("dropped")) for entry in logs] == [
        ("samples_dropped", None),
        ("samples_flow_again", 7),
    ]
