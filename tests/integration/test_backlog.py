"""What is said of the streams and their readers is what a real nats-server says, and nothing while it is silent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from nats.js.api import AckPolicy, ConsumerConfig

from shared.bus import backlog
from shared.bus.backlog import Backlog
from shared.bus.bus import Bus, connect
from shared.bus.follow import Follower
from shared.bus.streams import bootstrap
from shared.contracts import subjects
from shared.meter import Meter
from shared.settings import PlatformSettings
from tests.support.nats import NatsServer
from tests.support.waiting import until

PENDING = "jobyard_consumer_pending_messages"


@pytest.fixture
async def server() -> AsyncIterator[NatsServer]:
    async with NatsServer() as running:
        yield running


@pytest.fixture
async def bus(server: NatsServer) -> AsyncIterator[Bus]:
    async with connect(server.url, "test") as connected:
        await bootstrap(connected.js, PlatformSettings())
        yield connected


@asynccontextmanager
async def looking(bus: Bus, meter: Meter) -> AsyncIterator[None]:
    task = asyncio.create_task(Backlog(bus, meter, every_s=0.05).run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def says(meter: Meter, name: str, **labels: str) -> float | None:
    return meter.registry.get_sample_value(name, labels)


async def test_streams_and_durable_consumers_say_what_they_hold_and_how_far_they_are_behind(bus: Bus) -> None:
    config = ConsumerConfig(durable_name="slow", ack_policy=AckPolicy.EXPLICIT, ack_wait=1)
    await bus.js.add_consumer(subjects.EVENTS, config)
    for number in range(5):
        await bus.publish_raw("evt.a", b"x", str(number))
    reader = await bus.js.pull_subscribe_bind("slow", subjects.EVENTS)
    await reader.fetch(2)
    meter = Meter()
    async with looking(bus, meter):
        await until(lambda: says(meter, PENDING, stream="EVENTS", consumer="slow") == 3, "three wait")
        assert says(meter, "jobyard_consumer_unacknowledged_messages", stream="EVENTS", consumer="slow") == 2
        assert says(meter, "jobyard_stream_messages", stream="EVENTS") == 5
        assert says(meter, "jobyard_stream_stored_total", stream="EVENTS") == 5
        assert says(meter, "jobyard_stream_limit_bytes", stream="EVENTS") == PlatformSettings().events_max_bytes
        assert (says(meter, "jobyard_stream_bytes", stream="EVENTS") or 0) > 0
        assert says(meter, "jobyard_stream_stored_total", stream="DEADLETTERS") == 0

        async def again() -> bool:
            await reader.fetch(2, timeout=30)
            redelivered = says(meter, "jobyard_consumer_redelivered_messages", stream="EVENTS", consumer="slow")
            return bool(redelivered)

        await until(again, "two come again, since nobody acknowledged them")


async def test_readers_without_a_lasting_name_are_one_however_many_come_and_go(bus: Bus) -> None:
    for number in range(7):
        await bus.publish_raw("evt.a", b"x", str(number))
    ahead = Follower(bus, subjects.EVENTS, ("evt.>",), start=None, new_only=True)
    behind = Follower(bus, subjects.EVENTS, ("evt.>",), start=1, new_only=False, batch=2)
    await ahead.open()
    await behind.open()
    meter = Meter()
    async with looking(bus, meter):
        await until(lambda: says(meter, PENDING, stream="EVENTS", consumer="followers") == 5, "the last one counts")
        names = {
            sample.labels["consumer"]
            for family in meter.registry.collect()
            for sample in family.samples
            if sample.name == PENDING
        }
        assert names == {"followers"}
    await ahead.close()
    await behind.close()


async def test_nothing_is_said_while_nats_is_silent_and_everything_when_it_is_back(
    bus: Bus, server: NatsServer
) -> None:
    meter = Meter()
    async with looking(bus, meter):
        await until(lambda: says(meter, "jobyard_stream_messages", stream="EVENTS") == 0, "it is measured")
        server.kill()
        await until(lambda: says(meter, "jobyard_stream_messages", stream="EVENTS") is None, "nothing is known")
        await asyncio.to_thread(server.start)
        await until(lambda: says(meter, "jobyard_stream_messages", stream="EVENTS") == 0, "it is measured again")


async def test_more_consumers_than_one_answer_holds_are_all_counted(bus: Bus) -> None:
    count = backlog.PAGE + 3
    for number in range(count):
        config = ConsumerConfig(durable_name=f"executor-node-{number:03}", ack_policy=AckPolicy.EXPLICIT)
        await bus.js.add_consumer(subjects.EVENTS, config)
    meter = Meter()
    async with looking(bus, meter):
        for number in (0, count - 1):
            name = f"executor-node-{number:03}"
            await until(lambda name=name: says(meter, PENDING, stream="EVENTS", consumer=name) == 0, name)  # type: ignore[misc]
