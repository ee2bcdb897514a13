"""What waits for one reader: in order, bounded, and told once that the queue has moved."""

import asyncio
import json

from services.gateway.domain.access import Caller, Role
from services.gateway.happening import Happening
from services.gateway.inbox import NODES, QUEUE, RESET, Inbox
from services.gateway.live import Live
from services.gateway.sse import ServerEvent
from shared.ids import new_id
from tests.support.gateway import DoubleBus

ADA = Caller("ada", admin=False, vcs={"default": Role.MEMBER})
ROOT = Caller("root", admin=True, vcs={})


def happening(number: int, vc: str = "default", job_id: str | None = None, **data: object) -> Happening:
    id = job_id or new_id()
    event = {
        "id": f"{number}",
        "type": "t",
        "subject": id,
        "data": {"job": {"id": id, "owner": "ada", "vc": vc}, **data},
    }
    return Happening(f"evt.job.started.v1.{vc}.{id}", json.dumps(event, separators=(",", ":")).encode(), number)


async def all_of(inbox: Inbox) -> list[ServerEvent]:
    """What waits now."""
    found: list[ServerEvent] = []
    while True:
        upcoming = asyncio.ensure_future(inbox.next())
        await asyncio.sleep(0)
        if not upcoming.done():
            upcoming.cancel()
            return found
        found.append(upcoming.result())


async def test_what_is_for_a_reader_comes_in_order_and_the_rest_does_not() -> None:
    mine, all_there_is, of_one = Inbox(ADA), Inbox(ROOT), Inbox(ROOT, happening(0).job_id)
    job_id = of_one.job_id
    for number in range(6):
        one = happening(number, ("default", "lab")[number % 2], job_id if number == 3 else None)
        for inbox in (mine, all_there_is, of_one):
            inbox.put(one)
    assert [event.id for event in await all_of(mine)] == [0, 2, 4]
    assert [event.id for event in await all_of(all_there_is)] == [0, 1, 2, 3, 4, 5]
    assert [event.id for event in await all_of(of_one)] == [3]


async def test_a_reader_that_is_too_slow_finds_one_reset_and_what_came_after_it() -> None:
    size = len(happening(10).seen_by(ADA).encoded)  # type: ignore[union-attr]
    inbox = Inbox(ADA, held_bytes=3 * size)
    for number in range(10, 13):
        inbox.put(happening(number))
    assert [event.id for event in await all_of(inbox)] == [10, 11, 12]
    for number in range(10, 20):
        inbox.put(happening(number))
    first, *rest = await all_of(inbox)
    assert first is RESET
    assert [event.id for event in rest] == [18, 19]
    for number in range(20, 23):
        inbox.put(happening(number))
    assert [event.id for event in await all_of(inbox)] == [20, 21, 22]


async def test_one_who_leaves_begins_with_nothing_that_waited_when_it_joins_again() -> None:
    live, inbox = Live(DoubleBus()), Inbox(ADA, held_bytes=1)
    live.join(inbox)
    inbox.put(happening(1))
    inbox.tick(QUEUE)
    live.leave(inbox)
    assert await all_of(inbox) == []


async def test_a_queue_that_moved_often_is_told_once_and_after_what_happened() -> None:
    inbox = Inbox(ADA)
    for number in range(3):
        inbox.tick(QUEUE)
        inbox.put(happening(number))
    assert [event.name or event.id for event in await all_of(inbox)] == [0, 1, 2, "queue"]
    for tick in (NODES, QUEUE, NODES):
        inbox.tick(tick)
    assert await all_of(inbox) == [NODES, QUEUE]


async def test_readers_with_one_sight_share_what_is_written_and_others_never_get_it() -> None:
    told = happening(
        1, actor={"kind": "user", "name": "ada", "address": "203.0.113.9"}, launch={"env": {"A": "secret"}}
    )
    other = Caller("bob", admin=False, vcs={"default": Role.MEMBER})
    third = Caller("cleo", admin=False, vcs={"default": Role.MEMBER, "lab": Role.ADMIN})
    owner, bob, cleo, root = (told.seen_by(caller) for caller in (ADA, other, third, ROOT))
    assert bob is cleo
    assert owner is not None
    assert bob is not None
    assert root is not None
    assert b"secret" in owner.encoded
    assert b"secret" in root.encoded
    assert b"secret" not in bob.encoded
    assert not [event for event in (owner, bob, root) if b"203.0.113.9" in event.encoded]
