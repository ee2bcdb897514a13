"""The loop that sends: one at a time for each message, fair to everybody, and nothing is lost or sent for ever."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.notify.domain.delivery import CHANNELS, DeliveryDocument
from services.notify.domain.sending import Arrival, Rules, begin, sent, tried
from services.notify.failures import Hopeless, Missed
from services.notify.postman import AT_ONCE, AT_ONCE_PER_LANE, Postman
from services.notify.store import DELIVERIES, NotifyStore
from shared.bus.bus import Bus
from shared.contracts.notify import Progress
from shared.store.port import Index, Schema
from shared.store.sqlite import SqliteStore
from tests.support.clock import ManualClock
from tests.support.documents import JOB_ID
from tests.support.waiting import until

START = datetime(2026, 1, 1, tzinfo=UTC)
RULES = Rules(first_wait_s=10, lease_s=60, give_up_s=100)

Send = Callable[[DeliveryDocument], Awaitable[Arrival | None]]


class DeadLetters(Bus):
    """Keeps what is published."""

    def __init__(self) -> None:
        self.letters: dict[str, dict[str, str]] = {}

    async def publish_raw(
        self, subject: str, payload: bytes, message_id: str, headers: dict[str, str] | None = None
    ) -> int:
        self.letters[subject] = headers or {}
        return len(self.letters)


def message(id: str, owner: str) -> DeliveryDocument:
    return DeliveryDocument(
        id=id, version=1, job_id=JOB_ID, owner=owner, event="failed", to="mailto:a@b", body="", sending=begin(START)
    )


class Post:
    """One collection, and as many loops over it as a test has replicas."""

    def __init__(self, store: NotifyStore) -> None:
        self.messages = store.deliveries
        self.bus = DeadLetters()
        self.clock = ManualClock(START)
        self.sent: list[str] = []
        self.loops: list[Postman[DeliveryDocument]] = []

    async def add(self, id: str, owner: str = "ada") -> None:
        await self.messages.insert(message(id, owner))

    async def flood(self, owner: str, count: int) -> None:
        await self.messages.insert_many([message(f"{owner}-{number:04}", owner) for number in range(count)])

    async def take(self, message: DeliveryDocument) -> None:
        self.sent.append(message.id)

    async def get(self, id: str) -> DeliveryDocument:
        found = await self.messages.get(id)
        assert found is not None
        return found

    def has(self, id: str, status: Progress) -> Callable[[], Awaitable[bool]]:
        async def check() -> bool:
            return (await self.get(id)).sending.status is status

        return check

    def outcomes(self) -> Counter[tuple[str, str]]:
        """How many tries ended how, by all replicas."""
        return sum((loop.outcomes for loop in self.loops), Counter())

    @asynccontextmanager
    async def running(self, *sends: Send) -> AsyncIterator[None]:
        loops = [Postman("notification", self.bus, self.clock, RULES, self.messages, send, CHANNELS) for send in sends]
        self.loops += loops
        tasks = [asyncio.create_task(loop.run()) for loop in loops]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for loop in loops:
                await loop.drain()


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    store = SqliteStore(tmp_path / "notify.sqlite")
    made = Post(NotifyStore(store))
    await store.open()
    yield made
    await store.close()


async def test_of_several_replicas_one_sends_each_message(post: Post) -> None:
    for number in range(40):
        await post.add(f"m{number}")
    async with post.running(post.take, post.take, post.take):
        for number in range(40):
            await until(post.has(f"m{number}", Progress.SENT), "it was sent")
    assert Counter(post.sent) == Counter(f"m{number}" for number in range(40))
    assert post.outcomes() == {("mail", "sent"): 40}


async def test_thousands_of_one_person_s_messages_to_a_receiver_that_hangs_keep_nobody_else_s_back(post: Post) -> None:
    released, under_way, most = asyncio.Event(), 0, 0

    async def send(message: DeliveryDocument) -> None:
        nonlocal under_way, most
        if message.owner == "ada":
            under_way += 1
            most = max(most, under_way)
            await released.wait()
            under_way -= 1

    await post.flood("ada", 6_000)
    await post.add("z", owner="bob")
    async with post.running(send):
        await until(post.has("z", Progress.SENT), "bob's message was sent")
        await until(lambda: under_way == AT_ONCE_PER_LANE, "ada's are being sent as well")
        await post.add("y", owner="bob")
        await until(post.has("y", Progress.SENT), "so was a later one")
        assert most == AT_ONCE_PER_LANE
        released.set()


async def test_people_take_turns_when_more_of_them_than_there_are_tries_at_one_time_send_many(post: Post) -> None:
    tried: Counter[str] = Counter()

    async def send(message: DeliveryDocument) -> None:
        tried[message.owner] += 1
        raise Missed("Nobody there.")

    owners = [f"owner{number}" for number in range(2 * AT_ONCE // AT_ONCE_PER_LANE)]
    for owner in owners:
        await post.flood(owner, 200)
    async with post.running(send):
        await until(lambda: len(tried) == len(owners), "everybody had a turn")
        assert max(tried.values()) < 200, "before anybody's messages were through"


async def test_what_a_flood_costs_grows_with_its_messages_and_no_faster(tmp_path: Path) -> None:
    parsed = 0

    def load(body: bytes) -> DeliveryDocument:
        nonlocal parsed
        parsed += 1
        return DELIVERIES.load(body)  # type: ignore[no-any-return]

    store = SqliteStore(tmp_path / "notify.sqlite")
    post = Post(NotifyStore(store))
    post.messages = store.collection(replace(DELIVERIES, load=load))
    await store.open()
    await post.flood("ada", 500)
    async with post.running(post.take):
        await until(lambda: len(post.sent) == 500, "all were sent")
    await store.close()
    assert parsed < 500 * 3 * AT_ONCE_PER_LANE


async def test_messages_that_a_former_version_stored_are_sent(tmp_path: Path) -> None:
    def dump(document: DeliveryDocument) -> bytes:
        return document.model_dump_json().encode()

    indexes = (Index("due", ("sending.due_at",)), Index("job", ("job_id", "sending.since")))
    former: Schema[DeliveryDocument] = replace(DELIVERIES, dump=dump, indexes=indexes)
    store = SqliteStore(tmp_path / "notify.sqlite")
    messages = store.collection(former)
    await store.open()
    ended = message("ended", "ada").moved(sent(begin(START), START), START)
    await messages.insert_many([message("waits", "ada"), message("too", "bob"), ended])
    await store.close()

    store = SqliteStore(tmp_path / "notify.sqlite")
    post = Post(NotifyStore(store))
    await store.open()
    async with post.running(post.take):
        await until(post.has("waits", Progress.SENT), "it was sent")
        await until(post.has("too", Progress.SENT), "so was the other")
    assert sorted(post.sent) == ["too", "waits"]
    assert await post.get("ended") == ended
    await store.close()


async def test_a_failed_try_waits_and_a_message_that_always_fails_ends_as_a_dead_letter(post: Post) -> None:
    async def send(message: DeliveryDocument) -> None:
        post.sent.append(message.id)
        raise Missed("Nobody there.")

    await post.add("m")
    async with post.running(send):
        for tries, wait in enumerate((10, 20, 40), start=1):
            await until(lambda tries=tries: len(post.sent) == tries, "it was tried")  # type: ignore[misc]

            async def recorded() -> bool:
                return (await post.get("m")).sending.last_error is not None

            await until(recorded, "the try was recorded")
            post.clock.advance(wait)
        await until(post.has("m", Progress.FAILED), "it was given up")
    assert post.bus.letters == {"dead.notify.notification.m": {"Jobyard-Error": "Nobody there."}}
    assert post.outcomes() == {("mail", "missed"): 3, ("mail", "failed"): 1}


async def test_each_channel_is_counted_from_nought_so_that_its_first_failure_is_seen(post: Post) -> None:
    async with post.running(post.take):
        (loop,) = post.loops
        assert set(loop.outcomes.values()) == {0}
        assert loop.outcomes.keys() == {
            (channel, outcome) for channel in ("mail", "webhook", "push") for outcome in ("sent", "missed", "failed")
        }


async def test_what_is_hopeless_is_tried_once(post: Post) -> None:
    async def send(message: DeliveryDocument) -> None:
        post.sent.append(message.id)
        raise Hopeless("Not allowed.")

    await post.add("m")
    async with post.running(send):
        await until(post.has("m", Progress.FAILED), "it was given up")
    assert post.sent == ["m"] and len(post.bus.letters) == 1


async def test_a_fault_of_ours_is_a_failed_try_and_not_the_loop_s_end(post: Post) -> None:
    async def send(message: DeliveryDocument) -> None:
        if message.id == "bad":
            raise KeyError("oops")

    await post.add("bad")
    await post.add("good")
    async with post.running(send):
        await until(post.has("good", Progress.SENT), "the other was sent")

        async def noted() -> bool:
            return "made a mistake" in ((await post.get("bad")).sending.last_error or "")

        await until(noted, "the fault was noted")


async def test_an_arrival_counts_also_when_its_lease_was_over_and_a_late_failure_does_not(post: Post) -> None:
    for outcome in ("arrived", "missed"):
        begun, go = asyncio.Event(), asyncio.Event()

        async def send(message: DeliveryDocument, begun: asyncio.Event = begun, go: asyncio.Event = go) -> None:
            begun.set()
            await go.wait()
            if message.id == "missed":
                raise Missed("too late")

        await post.add(outcome)
        async with post.running(send):
            await begun.wait()
            now = await post.get(outcome)
            other = now.moved(tried(now.sending, RULES, post.clock.now()), post.clock.now())
            assert await post.messages.swap(other, now.version)
            if outcome == "missed":
                done = other.moved(sent(other.sending, post.clock.now()), post.clock.now())
                assert await post.messages.swap(done, other.version)
            go.set()
        assert (await post.get(outcome)).sending.status is Progress.SENT


async def test_a_message_whose_senders_die_is_due_again_and_is_given_up_in_the_end(post: Post) -> None:
    await post.add("m")
    fresh = await post.get("m")
    died = fresh.moved(tried(fresh.sending, RULES, START), START)
    assert await post.messages.swap(died, fresh.version)
    post.clock.advance(59)
    async with post.running(post.take):
        await post.add("marker")
        await until(post.has("marker", Progress.SENT), "a later message was sent")
        assert post.sent == ["marker"]
        post.clock.advance(102)
        await until(post.has("m", Progress.FAILED), "it was given up")
    assert (
        post.sent == ["marker"] and "died each time" in post.bus.letters["dead.notify.notification.m"]["Jobyard-Error"]
    )
