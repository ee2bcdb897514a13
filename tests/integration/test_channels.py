"""A console that several look at is read once, on a real nats-server: who joins, who leaves, what ends it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from services.gateway.channels import Arrival, Arrivals, Channels
from shared.bus.bus import Bus, connect
from shared.bus.follow import StreamReplaced
from shared.bus.streams import bootstrap
from shared.contracts import subjects
from shared.settings import PlatformSettings
from tests.support.log_service import publish
from tests.support.logs import JOB, chunk_of
from tests.support.nats import NatsServer
from tests.support.waiting import LONG_S, until


@pytest.fixture
async def bus() -> AsyncIterator[Bus]:
    async with NatsServer() as server, connect(server.url, "test") as connected:
        await bootstrap(connected.js, PlatformSettings())
        yield connected


async def followers(bus: Bus) -> int:
    """How often the server is asked for the lines."""
    return (await bus.js.stream_info(subjects.LOGS)).state.consumer_count


async def took(reader: Arrivals, count: int) -> list[Arrival]:
    """The next so many."""
    arrived: list[Arrival] = []
    while len(arrived) < count:
        more = await reader.next(asyncio.Event(), LONG_S)
        assert more, "nothing has come"
        arrived += more
    assert len(arrived) == count
    return arrived


def seqs(arrived: list[Arrival]) -> list[int | None]:
    return [one.chunk.seq if one.chunk else None for one in arrived]


async def test_who_joins_gets_what_comes_from_then_on_and_the_server_is_asked_once(bus: Bus) -> None:
    channels = Channels(bus)
    async with channels.joined(JOB, 0) as first:
        await publish(bus, chunk_of(1, 5))
        assert seqs(await took(first, 1)) == [1]
        async with channels.joined(JOB, 1) as second:
            assert second.since == 1
            await publish(bus, chunk_of(6, 5))
            assert seqs(await took(second, 1)) == [6]
            assert seqs(await took(first, 1)) == [6]
            assert await followers(bus) == 1


async def test_the_last_who_leaves_closes_it_and_the_next_opens_another(bus: Bus) -> None:
    channels = Channels(bus)
    async with AsyncExitStack() as stack:
        for _ in range(3):
            await stack.enter_async_context(channels.joined(JOB, 0))
        assert len(channels) == 1
    assert len(channels) == 0

    async def is_let_go() -> bool:
        return await followers(bus) == 0

    await until(is_let_go, "the server is asked no more")
    await publish(bus, chunk_of(1, 5))
    async with channels.joined(JOB, 0) as reader:
        assert seqs(await took(reader, 1)) == [1]


async def test_who_takes_nothing_holds_up_nobody_and_misses_nothing(bus: Bus) -> None:
    channels = Channels(bus)
    async with channels.joined(JOB, 0) as slow, channels.joined(JOB, 0) as quick:
        for seq in range(1, 101):
            await publish(bus, chunk_of(seq, 1))
        assert seqs(await took(quick, 100)) == list(range(1, 101))
        assert seqs(await took(slow, 100)) == list(range(1, 101))


async def test_a_chunk_that_cannot_be_read_has_a_place_and_no_lines(bus: Bus) -> None:
    async with Channels(bus).joined(JOB, 0) as reader:
        await bus.publish_raw(subjects.log(JOB), b"{}", "broken")
        await publish(bus, chunk_of(1, 1))
        arrived = await took(reader, 2)
        assert [one.position for one in arrived] == [1, 2]
        assert seqs(arrived) == [None, 1]


async def test_an_interruption_ends_the_wait_and_loses_nothing(bus: Bus) -> None:
    async with Channels(bus).joined(JOB, 0) as reader:
        interrupt = asyncio.Event()
        interrupt.set()
        assert await reader.next(interrupt, LONG_S) == []
        await publish(bus, chunk_of(1, 1))
        assert seqs(await took(reader, 1)) == [1]


async def test_a_stream_that_is_made_anew_ends_it_for_all_and_the_next_reader_follows_the_new_one(bus: Bus) -> None:
    channels = Channels(bus)
    await publish(bus, chunk_of(1, 1))
    async with channels.joined(JOB, 1) as one, channels.joined(JOB, 1) as other:
        await publish(bus, chunk_of(2, 1))
        for reader in (one, other):
            assert seqs(await took(reader, 1)) == [2]
        await bus.js.delete_stream(subjects.LOGS)
        await bootstrap(bus.js, PlatformSettings())
        for reader in (one, other):
            with pytest.raises(StreamReplaced):
                await took(reader, 1)
        async with channels.joined(JOB, 0) as anew:
            await publish(bus, chunk_of(3, 1))
            assert seqs(await took(anew, 1)) == [3]
        assert len(channels) == 0
