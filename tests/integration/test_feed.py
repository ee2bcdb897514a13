"""The feed on a real stream: one follower for all, the past joined to the present, and readers who are slow."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest

from services.gateway.domain.access import Caller, Role
from services.gateway.follow import followed
from services.gateway.inbox import HELD_BYTES, Inbox
from services.gateway.live import Live
from shared.bus.bus import Bus, connect
from shared.bus.streams import bootstrap
from shared.contracts import subjects
from shared.patience import until_it_works
from shared.settings import PlatformSettings
from tests.support.feed import Feeds, Reader, feeds
from tests.support.nats import NatsServer
from tests.support.waiting import until

ADMIN = Caller("root", admin=True, vcs={})
ADA = Caller("ada", admin=False, vcs={"default": Role.MEMBER})
EVE = Caller("eve", admin=False, vcs={"lab": Role.MEMBER})
BOTH = Caller("bob", admin=False, vcs={"default": Role.MEMBER, "lab": Role.MEMBER})
NOBODY = Caller("new", admin=False, vcs={})


@pytest.fixture
async def server() -> AsyncIterator[NatsServer]:
    async with NatsServer() as running:
        yield running


@pytest.fixture
async def bus(server: NatsServer) -> AsyncIterator[Bus]:
    async with connect(server.url, "test") as connected:
        await bootstrap(connected.js, PlatformSettings())
        yield connected


@pytest.fixture
async def yard(bus: Bus) -> AsyncIterator[Feeds]:
    async with feeds(bus) as running:
        yield running


async def settled(yard: Feeds, *readers: Reader) -> None:
    """Every reader has joined those who hear what happens: a last event reaches them all."""
    for reader in readers:
        mark = f"settled-{len(reader.events)}-{yard.readers.index(reader)}"
        for vc in ("default", "lab"):
            await yard.tell(mark, vc)
        await until(partial(_heard, reader, mark), "it hears what happens")


def _heard(reader: Reader, mark: str) -> bool:
    return mark in reader.tags


def plain(reader: Reader) -> list[str]:
    return [tag for tag in reader.tags if not tag.startswith("settled")]


async def test_each_reader_gets_the_events_of_its_virtual_clusters_in_order(yard: Feeds) -> None:
    readers = [yard.reader(caller).start() for caller in (ADMIN, ADA, EVE, BOTH)]
    one = yard.reader(ADMIN, job_id="01ARZ3NDEKTSV4RRFFQ69G5FAV").start()
    await settled(yard, *readers)
    for number in range(30):
        await yard.tell(f"d{number}")
        await yard.tell(f"l{number}", "lab", "01ARZ3NDEKTSV4RRFFQ69G5FAV" if number == 7 else None)
    await until(lambda: all(plain(reader)[-1:] in (["l29"], ["d29"]) for reader in readers), "all of them came")
    every = [f"{vc}{number}" for number in range(30) for vc in "dl"]
    admin, ada, eve, both = (plain(reader) for reader in readers)
    await until(lambda: len(plain(readers[0])) == len(plain(readers[3])) == 60, "both have all")
    assert admin == every[: len(admin)]
    assert plain(readers[0]) == plain(readers[3]) == every
    assert ada == [tag for tag in every if tag.startswith("d")]
    assert eve == [tag for tag in every if tag.startswith("l")]
    assert both == every[: len(both)]
    assert one.tags == ["l7"]


async def test_the_past_and_the_present_join_without_a_gap_and_nothing_comes_twice(yard: Feeds) -> None:
    """Readers come back at any time, to any place, while events go on coming as fast as they can be published."""
    positions = [await yard.tell(f"{number}", "lab" if number % 3 else "default") for number in range(60)]
    done = asyncio.Event()

    async def go_on() -> None:
        number = 60
        while not done.is_set() or number < 400:
            positions.append(await yard.tell(f"{number}", "lab" if number % 3 else "default"))
            number += 1

    telling = asyncio.create_task(go_on())
    came: list[tuple[Caller, int, Reader]] = []
    for turn in range(24):
        caller = (ADMIN, ADA, EVE, BOTH)[turn % 4]
        after = (0, turn, len(positions) - 1)[turn % 3]
        came.append((caller, after, yard.reader(caller, positions[after] if after else 0).start()))
        await asyncio.sleep(0)
        more = 60 + 5 * turn
        await until(lambda: len(positions) > more, "time goes on")  # noqa: B023
    done.set()
    await telling
    last = {
        caller.name: max(n for n in range(len(positions)) if _is_for(caller, n)) for caller in (ADMIN, ADA, EVE, BOTH)
    }
    for caller, after, reader in came:
        await until(lambda: str(last[caller.name]) in reader.tags, "the last one came")  # noqa: B023
        begin = after + 1 if after else 0
        wanted = [number for number in range(begin, len(positions)) if _is_for(caller, number)]
        assert reader.tags == [str(number) for number in wanted]
        assert reader.ids == [positions[number] for number in wanted]


def _is_for(caller: Caller, number: int) -> bool:
    return caller.admin or ("lab" if number % 3 else "default") in caller.vcs


async def test_all_readers_share_one_consumer_once_they_have_caught_up(yard: Feeds) -> None:
    before = len(await yard.bus.js.consumers_info(subjects.EVENTS))
    await yard.tell("early")
    readers = [yard.reader(ADA, 0 if number % 2 else None).start() for number in range(30)]
    await settled(yard, *readers)

    async def alone() -> bool:
        return len(await yard.bus.js.consumers_info(subjects.EVENTS)) == before

    assert before == 1
    await until(alone, "none has a consumer of its own any more")


async def test_one_who_comes_back_after_what_the_stream_does_not_have_yet_begins_with_the_present_stream(
    yard: Feeds,
) -> None:
    for number in range(3):
        await yard.tell(f"{number}")
    reader = yard.reader(ADA, 10_000).start()
    await until(lambda: reader.tags == ["0", "1", "2"], "it was made anew for all it knows")
    await yard.tell("3")
    await until(lambda: reader.tags == ["0", "1", "2", "3"], "and goes on")


async def test_a_stream_that_was_made_anew_is_told_from_its_beginning(yard: Feeds) -> None:
    for number in range(5):
        await yard.tell(f"old{number}")
    live, past = yard.reader(ADA).start(), yard.reader(ADMIN, 0).start()
    await settled(yard, live, past)
    await yard.bus.js.delete_stream(subjects.EVENTS)
    await bootstrap(yard.bus.js, PlatformSettings())
    for number in range(5):
        await yard.tell(f"new{number}")
    fresh = [f"new{number}" for number in range(5)]
    for reader in (live, past):
        await until(lambda: plain(reader)[-5:] == fresh, "it goes on with the new one")  # noqa: B023
        assert [tag for tag in reader.tags if tag.startswith("new")] == fresh
        assert reader.ids[-5:] == [1, 2, 3, 4, 5]
    again = yard.reader(ADA, 2).start()
    await until(lambda: again.tags == fresh[2:], "one who comes back reads the new one")
    await yard.tell("last")
    for reader in (live, past, again):
        await until(lambda: reader.tags[-1] == "last", "all are together again")  # noqa: B023
        assert reader.tags.count("last") == 1


async def test_nobody_joins_while_the_others_still_follow_the_stream_that_was_there_before(bus: Bus) -> None:
    """Positions of two streams say nothing of one another: one who joined by them would miss or repeat events."""
    live, inbox = Live(bus), Inbox(ADMIN)
    await live.open()
    await bus.js.delete_stream(subjects.EVENTS)
    await bootstrap(bus.js, PlatformSettings())
    async with followed(bus, subjects.EVENTS, (subjects.JOB_EVENTS,), 1, 16) as stream:
        assert live.join_after(inbox, stream.created) is None
        running = asyncio.create_task(until_it_works(live.run, "loop_delayed"))
        await until(lambda: live.join_after(inbox, stream.created) == 0, "they follow the new one")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await live.close()


async def test_readers_miss_nothing_while_the_server_is_away(yard: Feeds, server: NatsServer) -> None:
    live = yard.reader(ADA).start()
    await settled(yard, live)
    await asyncio.to_thread(server.restart)
    for number in range(20):
        await yard.tell(f"{number}")
    await until(lambda: plain(live) == [str(number) for number in range(20)], "all came, each once")


async def test_a_slow_reader_is_told_to_look_anew_and_goes_on_with_what_happens_then(yard: Feeds) -> None:
    slow, quick = yard.reader(ADA), yard.reader(ADA).start()
    beginning = asyncio.create_task(slow.take())
    await settled(yard, quick)
    await beginning
    for number in range(30):
        await yard.tell(f"{number}", text="x" * (HELD_BYTES // 20))
    await until(lambda: plain(quick)[-1:] == ["29"], "the other one has all")
    assert plain(quick) == [str(number) for number in range(30)]
    while slow.tags[-1] != "29":
        await slow.take()
    reset = slow.tags.index("reset")
    assert slow.events[reset].encoded == b"event: reset\ndata: {}\n\n"
    left_out = 30 - len(slow.tags[reset + 1 :])
    assert 0 < left_out < 30
    assert slow.tags[reset + 1 :] == [str(number) for number in range(left_out, 30)]
    assert slow.tags.count("reset") == 1
    again = yard.reader(ADA, slow.ids[reset - 1]).start()
    await until(lambda: plain(again) == plain(quick), "what was left out is in the stream, after the last that came")


async def test_a_slow_reader_of_the_past_gets_all_of_it(yard: Feeds) -> None:
    size = HELD_BYTES // 20
    for number in range(50):
        await yard.tell(f"{number}", text="x" * size)
    reader = yard.reader(ADA, 0)
    for _ in range(50):
        await reader.take()
        await asyncio.sleep(0)
    assert reader.tags == [str(number) for number in range(50)]


async def test_everybody_hears_that_the_queue_may_have_moved_and_nothing_else_of_others(yard: Feeds) -> None:
    for caller, after in ((EVE, None), (EVE, 0), (NOBODY, None), (NOBODY, 0)):
        reader = yard.reader(caller, after).start()
        await yard.tell("a secret")
        await until(lambda: reader.ticks, "it is told")  # noqa: B023
        assert reader.events == []
    node = yard.reader(NOBODY).start()
    before = len(node.events)
    await yard.bus.publish_raw("evt.node.reported.v1.n", b"{}", "n:1")
    await until(lambda: node.ticks, "a node moves the queue as well")
    assert len(node.events) == before


async def test_many_changes_at_once_are_few_ticks(yard: Feeds) -> None:
    reader = yard.reader(ADA)
    waiting = asyncio.create_task(reader.take())
    await settled(yard, yard.reader(ADA).start())
    await waiting
    for number in range(200):
        await yard.tell(f"{number}")
    while reader.tags[-1] != "199":
        await reader.take()
    following = asyncio.create_task(reader.take())
    await until(lambda: reader.ticks, "it is told once for all of them")
    following.cancel()
    assert reader.ticks <= 2


@pytest.mark.parametrize("payload", [b"", b"{", b"7", b'{"id": 1}', b"[" * 200_000, b'{"data": {"job": 7}}'])
async def test_what_nobody_can_read_is_passed_over(yard: Feeds, payload: bytes) -> None:
    live, past = yard.reader(ADA).start(), yard.reader(ADMIN, 0).start()
    await settled(yard, live, past)
    await yard.bus.publish_raw("evt.job.scheduled.v1.default.01ARZ3NDEKTSV4RRFFQ69G5FAV", payload, "poison")
    await yard.tell("after")
    again = yard.reader(ADA, 0).start()
    for reader in (live, past, again):
        await until(lambda: reader.tags[-1:] == ["after"], "it goes on")  # noqa: B023
