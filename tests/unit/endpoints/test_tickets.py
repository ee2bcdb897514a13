"""Tickets and the cookies that they become, on a store and a clock that the test moves."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from services.endpoints.door.sealing import Seal, Stamp
from services.endpoints.door.tickets import COOKIE_S, OPEN, PLAIN_COOKIE_S, TICKET_S, TICKETS, Tickets
from shared.contracts.errors import TooMany, Unauthorized
from shared.store.sqlite import SqliteStore
from tests.support.clock import ManualClock
from tests.support.door import JOB


class Desk:
    """Two replicas of the door on one store."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.store = SqliteStore(folder / "endpoints.sqlite")
        self.first, self.second = Tickets(self.store, self.clock), Tickets(self.store, self.clock)
        self.seal, self.others_seal = Seal(self.store), Seal(self.store)

    async def issue(self) -> str:
        return (await self.first.issue(JOB, "jupyter", "ada", "token:1"))[0]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncGenerator[Desk]:
    desk = Desk(tmp_path)
    await desk.store.open()
    await desk.seal.start()
    await desk.others_seal.start()
    yield desk
    await desk.store.close()


async def test_a_ticket_of_one_replica_opens_at_another_and_only_once(desk: Desk) -> None:
    ticket = await desk.issue()
    stamp = await desk.second.redeem(ticket, JOB, "jupyter")
    assert (stamp.user, stamp.credential) == ("ada", "token:1")
    assert (stamp.expires_at - desk.clock.now()).total_seconds() == COOKIE_S
    for replica in (desk.first, desk.second):
        with pytest.raises(Unauthorized, match="was used"):
            await replica.redeem(ticket, JOB, "jupyter")


async def test_a_ticket_counts_for_a_minute(desk: Desk) -> None:
    late, in_time = await desk.issue(), await desk.issue()
    desk.clock.advance(TICKET_S - 1)
    await desk.first.redeem(in_time, JOB, "jupyter")
    desk.clock.advance(1)
    with pytest.raises(Unauthorized):
        await desk.first.redeem(late, JOB, "jupyter")


async def test_a_cookie_over_plain_http_counts_from_one_address_and_not_for_long(desk: Desk) -> None:
    stamp = await desk.first.redeem(await desk.issue(), JOB, "jupyter", "192.0.2.7")
    assert stamp.counts(desk.clock.now(), "192.0.2.7")
    assert not stamp.counts(desk.clock.now(), "192.0.2.8")
    desk.clock.advance(PLAIN_COOKIE_S)
    assert not stamp.counts(desk.clock.now(), "192.0.2.7")


async def test_a_cookie_over_https_counts_from_everywhere(desk: Desk) -> None:
    stamp = await desk.first.redeem(await desk.issue(), JOB, "jupyter")
    desk.clock.advance(COOKIE_S - 1)
    assert stamp.counts(desk.clock.now(), "192.0.2.7") and stamp.counts(desk.clock.now(), "192.0.2.8")


@pytest.mark.parametrize("ticket", ["", "jyt_", f"jyt_{'x' * 43}", "jyt_" + "x" * 10_000, "$ne", "jyt_\0"])
async def test_what_is_no_ticket_opens_nothing(desk: Desk, ticket: str) -> None:
    with pytest.raises(Unauthorized):
        await desk.first.redeem(ticket, JOB, "jupyter")


async def test_a_person_has_so_many_unused_tickets_and_no_more(desk: Desk) -> None:
    tickets = [await desk.issue() for _ in range(OPEN)]
    for replica in (desk.first, desk.second):
        with pytest.raises(TooMany, match=f"{OPEN} tickets"):
            await replica.issue(JOB, "jupyter", "ada", "token:1")
    await desk.first.issue(JOB, "jupyter", "bob", "token:2")
    await desk.second.redeem(tickets[0], JOB, "jupyter")
    await desk.issue()
    with pytest.raises(TooMany):
        await desk.issue()
    desk.clock.advance(TICKET_S + 1)
    await desk.issue()


async def test_many_at_one_time_are_counted_too(desk: Desk) -> None:
    asked = await asyncio.gather(*(desk.issue() for _ in range(2 * OPEN)), return_exceptions=True)
    assert len([answer for answer in asked if isinstance(answer, str)]) == OPEN


async def test_the_ticket_itself_is_stored_nowhere(desk: Desk) -> None:
    ticket = await desk.issue()
    stored = await desk.store.collection(TICKETS).find()
    assert [document.user for document in stored.items] == ["ada"]
    assert ticket not in stored.items[0].model_dump_json()


async def test_a_cookie_of_one_replica_counts_at_another_and_no_forged_one_does(desk: Desk) -> None:
    stamp = Stamp(job_id=JOB, name="jupyter", user="ada", credential="token:1", expires_at=desk.clock.now())
    value = desk.seal.sealed(stamp)
    assert desk.others_seal.opened(value) == stamp
    body, _, mark = value.partition(".")
    forged = desk.seal.sealed(stamp.model_copy(update={"name": "port-8080"})).partition(".")[0]
    for wrong in ("", ".", value[:-1], f"{body}.", f".{mark}", f"{forged}.{mark}", f"{value}x", "ä.ä", "x" * 10_000):
        assert desk.seal.opened(wrong) is None
