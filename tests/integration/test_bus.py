"""The bus on a real nats-server: retry, dead letters, duplicates, restarts, and what happens to a deleted consumer."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import pytest
from nats.js.api import AckPolicy, ConsumerConfig

from shared.bus.bus import Bus, connect
from shared.bus.codec import run_event
from shared.bus.consume import DEAD, HANDLED, REPEATED, ListConsumer
from shared.bus.follow import Follower, StreamReplaced
from shared.bus.pull import ConsumerGone, Puller
from shared.bus.replies import router_of
from shared.bus.streams import bootstrap
from shared.bus.subscriptions import Answers, Delivery, Shared
from shared.contracts import subjects
from shared.contracts.commands.health import AskHealth, Health, health_of
from shared.contracts.errors import Conflict, InternalError, PermanentError, TemporaryError, Unavailable
from shared.settings import PlatformSettings
from tests.support.nats import NatsServer
from tests.support.waiting import until


@pytest.fixture
async def server() -> AsyncIterator[NatsServer]:
    async with NatsServer() as running:
        yield running


@pytest.fixture
async def bus(server: NatsServer) -> AsyncIterator[Bus]:
    async with connect(server.url, "test") as connected:
        await bootstrap(connected.js, PlatformSettings())
        yield connected


class Recorder:
    """Remembers what was handled, and fails as it is told to."""

    def __init__(self) -> None:
        self.handled: list[bytes] = []
        self.tries: dict[bytes, int] = {}
        self.fail: dict[bytes, tuple[int, Exception]] = {}

    async def handle(self, deliveries: Sequence[Delivery[bytes]]) -> None:
        for delivery in deliveries:
            self.tries[delivery.message] = self.tries.get(delivery.message, 0) + 1
            times, error = self.fail.get(delivery.message, (0, ValueError()))
            if self.tries[delivery.message] <= times:
                raise error
        self.handled += [delivery.message for delivery in deliveries]


def raw(subject: str, payload: bytes) -> bytes:
    if payload == b"unreadable":
        raise PermanentError("it cannot be read")
    return payload


@asynccontextmanager
async def consuming(bus: Bus, recorder: Recorder, alone: bool = False) -> AsyncIterator[ListConsumer]:
    subscription = Shared("test", subjects.EVENTS, ("evt.>",), raw, Recorder.handle)
    consumer = ListConsumer(bus, subscription, "test", recorder.handle, alone)
    task = asyncio.create_task(consumer.run())
    yield consumer
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def pending(bus: Bus) -> int:
    info = await bus.js.consumer_info(subjects.EVENTS, "test")
    return (info.num_pending or 0) + (info.num_ack_pending or 0)


async def test_a_repeated_publication_is_stored_once(bus: Bus) -> None:
    first = await bus.publish_raw("evt.a", b"x", "same")
    assert await bus.publish_raw("evt.a", b"x", "same") == first
    assert (await bus.js.stream_info(subjects.EVENTS)).state.messages == 1


async def test_a_temporary_error_is_repeated_and_does_not_hold_up_the_others(bus: Bus) -> None:
    recorder = Recorder()
    recorder.fail[b"2"] = (3, TemporaryError("away"))
    for number in range(5):
        await bus.publish_raw("evt.a", str(number).encode(), str(number))
    async with consuming(bus, recorder) as consumer:
        await until(lambda: len(set(recorder.handled)) == 5, "all are handled")
        await until(lambda: _none_pending(bus), "all are acknowledged")
        await until(lambda: consumer.outcomes[HANDLED] == 5, "all are counted")
    assert recorder.tries[b"2"] == 4
    assert consumer.outcomes[REPEATED] in (2, 3), "it failed once in a list, or always alone"
    assert consumer.outcomes[DEAD] == 0


async def _none_pending(bus: Bus) -> bool:
    return await pending(bus) == 0


@pytest.mark.parametrize("payload", [b"unreadable", b"refused"])
async def test_what_can_never_work_is_a_dead_letter_with_its_reason(bus: Bus, payload: bytes) -> None:
    recorder = Recorder()
    recorder.fail[b"refused"] = (99, PermanentError("it makes no sense"))
    await bus.publish_raw("evt.a", payload, "1")
    await bus.publish_raw("evt.a", b"good", "2")
    async with consuming(bus, recorder) as consumer:
        await until(lambda: recorder.handled == [b"good"], "the good one is handled")
        await until(lambda: _none_pending(bus), "nothing is left")
        await until(lambda: consumer.outcomes == {HANDLED: 1, REPEATED: 0, DEAD: 1}, "both are counted")
    dead = await bus.js.get_last_msg(subjects.DEADLETTERS, "dead.test.evt.a")
    assert dead.data == payload
    assert dead.headers is not None and "PermanentError: it" in dead.headers["Jobyard-Error"]
    assert (await bus.js.stream_info(subjects.DEADLETTERS)).state.messages == 1


async def test_the_list_under_way_is_finished_by_a_drain_and_the_rest_given_back(bus: Bus) -> None:
    for number in range(200):
        await bus.publish_raw("evt.a", str(number).encode(), str(number))
    recorder = Recorder()
    async with consuming(bus, recorder) as consumer:
        await until(lambda: recorder.handled, "the first list is handled")
        await consumer.drain()
    again = Recorder()
    async with consuming(bus, again):
        await until(lambda: len(set(recorder.handled + again.handled)) == 200, "the next one has the rest", within=25)


async def test_what_is_on_its_way_when_a_reader_stops_is_given_back_at_once(bus: Bus, server: NatsServer) -> None:
    await bus.js.add_consumer(subjects.EVENTS, ConsumerConfig(durable_name="test", ack_policy=AckPolicy.EXPLICIT))
    puller = Puller(bus.nats, bus.js, subjects.EVENTS, "test", 64)
    await puller.open()
    await bus.nats.flush()
    with ThreadPoolExecutor() as elsewhere:  # this loop reads nothing until the server has sent all of them
        elsewhere.submit(asyncio.run, _sent(server.url, 20)).result()
    left = await puller.close()
    assert [message.data for message in left] == [str(number).encode() for number in range(20)]
    for message in left:
        await message.nak()
    recorder = Recorder()
    async with consuming(bus, recorder):
        await until(lambda: len(set(recorder.handled)) == 20, "before the ack wait is over", within=25)


async def _sent(url: str, count: int) -> None:
    """Publish so many, and wait until the server has sent them to the reader."""
    async with connect(url, "test") as other:
        for number in range(count):
            await other.publish_raw("evt.a", str(number).encode(), str(number))

        async def delivered() -> bool:
            info = await other.js.consumer_info(subjects.EVENTS, "test")
            return bool(info.num_ack_pending == count)

        await until(delivered, "all are on their way")


async def test_a_list_that_was_read_and_not_begun_is_given_back_by_a_drain_at_once(bus: Bus) -> None:
    begun, release = asyncio.Event(), asyncio.Event()

    class Slow(Recorder):
        async def handle(self, deliveries: Sequence[Delivery[bytes]]) -> None:
            begun.set()
            await release.wait()
            await super().handle(deliveries)

    async def delivered() -> bool:
        info = await bus.js.consumer_info(subjects.EVENTS, "test")
        return info.num_pending == 0 and bool(info.num_ack_pending)

    slow = Slow()
    await bus.publish_raw("evt.a", b"0", "0")
    async with consuming(bus, slow) as consumer:
        await begun.wait()
        for number in range(1, 21):
            await bus.publish_raw("evt.a", str(number).encode(), str(number))
        await until(delivered, "the next list has arrived")
        drain = asyncio.create_task(consumer.drain())
        await asyncio.sleep(0)
        release.set()
        await drain
    assert slow.handled == [b"0"]
    again = Recorder()
    async with consuming(bus, again):
        await until(lambda: len(set(again.handled)) == 20, "before the ack wait is over", within=25)


async def test_a_lone_consumer_gets_what_a_killed_one_left_at_once(bus: Bus) -> None:
    stuck = asyncio.Event()
    never = asyncio.Event()

    class Stuck(Recorder):
        async def handle(self, deliveries: Sequence[Delivery[bytes]]) -> None:
            stuck.set()
            await never.wait()

    for number in range(10):
        await bus.publish_raw("evt.a", str(number).encode(), str(number))
    async with consuming(bus, Stuck()):
        await stuck.wait()
    recorder = Recorder()
    async with consuming(bus, recorder, alone=True):
        await until(lambda: len(recorder.handled) == 10, "before the ack wait is over", within=25)


async def test_messages_flow_again_after_the_server_was_killed(bus: Bus, server: NatsServer) -> None:
    recorder = Recorder()
    follower = Follower(bus, subjects.EVENTS, ("evt.>",), start=None, new_only=True)
    await follower.open()
    followed: list[bytes] = []

    async def follow() -> None:
        async for messages in follower.lists():
            followed.extend(message.data for message in messages)

    task = asyncio.create_task(follow())
    async with consuming(bus, recorder):
        for number in range(60):
            if number in (20, 40):
                await asyncio.to_thread(server.restart)
            await bus.publish_raw("evt.a", str(number).encode(), str(number))
        wanted = {str(number).encode() for number in range(60)}
        await until(lambda: wanted <= set(recorder.handled), "the durable consumer has all")
        await until(lambda: set(followed) == wanted, "the follower has all")
    assert followed == sorted(followed, key=int), "in order, none twice"
    assert bus.reconnections >= 2
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_deleted_durable_ends_the_loop_instead_of_silence(bus: Bus) -> None:
    consumer = ListConsumer(bus, Shared("test", "EVENTS", ("evt.>",), raw, Recorder.handle), "test", Recorder().handle)
    task = asyncio.create_task(consumer.run())
    await until(lambda: _exists(bus), "the consumer is there")
    await bus.js.delete_consumer(subjects.EVENTS, "test")
    with pytest.raises(ConsumerGone):
        await asyncio.wait_for(task, 30)


async def _exists(bus: Bus) -> bool:
    return "test" in [info.name for info in await bus.js.consumers_info(subjects.EVENTS)]


async def test_a_follower_notices_that_the_stream_was_made_anew(bus: Bus) -> None:
    for number in range(3):
        await bus.publish_raw("evt.a", b"x", str(number))
    follower = Follower(bus, subjects.EVENTS, ("evt.>",), start=1, new_only=False)
    await follower.open()
    assert len(await follower.next()) == 3
    await bus.js.delete_stream(subjects.EVENTS)
    await bootstrap(bus.js, PlatformSettings())
    with pytest.raises(StreamReplaced):
        await asyncio.wait_for(follower.next(), 30)


async def test_an_event_that_is_not_what_its_subject_says_is_refused() -> None:
    for subject, payload in [("evt.run.started.v1.x.y", b"{"), ("evt.run.danced.v1.x.y", b"{}"), ("evt", b"")]:
        with pytest.raises(PermanentError):
            run_event(subject, payload)


class Answering:
    async def fine(self, ask: AskHealth) -> Health:
        return Health(service="x", ready=True)

    async def refuse(self, ask: AskHealth) -> Health:
        raise Conflict("It makes no sense.", details={"status": "killed"})

    async def away(self, ask: AskHealth) -> Health:
        raise TemporaryError("The database does not answer.")

    async def broken(self, ask: AskHealth) -> Health:
        raise ZeroDivisionError


class Meeting:
    """Answers once so many are there at the same time, and nobody before."""

    def __init__(self, parties: int) -> None:
        self._all = asyncio.Barrier(parties)

    async def meet(self, ask: AskHealth) -> Health:
        await self._all.wait()
        return Health(service="x", ready=True)


async def test_so_many_commands_of_one_subject_are_answered_side_by_side_as_their_owner_says(bus: Bus) -> None:
    answers = [Answers(health_of("a"), Meeting.meet, at_once=3)]
    bus.broker.include_router(router_of(answers, Meeting(3), None))
    await bus.broker.start()
    met = await asyncio.gather(*(bus.ask(health_of("a"), AskHealth(), timeout=60) for _ in range(6)))
    assert all(health.ready for health in met)


async def test_refusals_cross_the_bus_typed_and_with_their_sentence(bus: Bus) -> None:
    handlers = {"a": Answering.fine, "b": Answering.refuse, "c": Answering.away, "d": Answering.broken}
    answers = [Answers(health_of(name), handler) for name, handler in handlers.items()]
    bus.broker.include_router(router_of(answers, Answering(), None))
    await bus.broker.start()
    assert (await bus.ask(health_of("a"), AskHealth())).ready
    with pytest.raises(Conflict, match="no sense") as refusal:
        await bus.ask(health_of("b"), AskHealth())
    assert refusal.value.details == {"status": "killed"}
    with pytest.raises(Unavailable, match="database does not answer"):
        await bus.ask(health_of("c"), AskHealth())
    with pytest.raises(InternalError):
        await bus.ask(health_of("d"), AskHealth())
    with pytest.raises(Unavailable, match="nobody service does not answer"):
        await bus.ask(health_of("nobody"), AskHealth(), timeout=0.2)
