"""Who went in is told once in a while, whatever asks how often, and no note is lost while the store is away."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.endpoints.apply import Applier
from services.endpoints.domain.document import EndpointDocument, RunPlace
from services.endpoints.domain.machine import Ask, Entered, TicketIssued, decide
from services.endpoints.domain.publishing import events_after
from services.endpoints.domain.visits import AGAIN, KEPT, MOST, address_of
from services.endpoints.guard import Pass
from services.endpoints.store import EndpointStore
from services.endpoints.visits import Visits
from shared.bus.bus import Bus
from shared.contracts.endpoints import EndpointStatus, IssueTicket
from shared.contracts.errors import TemporaryError
from shared.contracts.job import Actor
from shared.store.sqlite import SqliteStore
from tests.support.clock import ManualClock
from tests.support.endpoints import JOB, endpoint

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUN = RunPlace(attempt=1, executor="local")


def ada(address: str = "192.0.2.1", token: str | None = None) -> Actor:
    return Actor(kind="user", name="ada", address=address, token=token)


def told(before: EndpointDocument, actor: Actor, after: timedelta, key: str | None = None) -> bool:
    return decide(before, Entered(key), actor, NOW + after) is not before


def test_the_same_visit_is_told_again_after_a_while_and_another_one_at_once() -> None:
    entered = decide(endpoint(status=EndpointStatus.READY, run=RUN), Entered("laptop"), ada(), NOW)
    soon = AGAIN - timedelta(seconds=1)
    assert not told(entered, ada(), soon, "laptop")
    assert told(entered, ada(), AGAIN, "laptop")
    assert told(entered, ada("192.0.2.2"), soon, "laptop")
    assert told(entered, ada(), soon, "phone")
    assert told(entered, ada(token="nightly"), soon)
    assert told(entered, Actor(kind="user", name="vera", address="192.0.2.1"), soon, "laptop")
    assert decide(entered, TicketIssued(), ada(), NOW + soon) is not entered


def test_whoever_has_many_addresses_floods_nothing() -> None:
    entered = endpoint(status=EndpointStatus.READY, run=RUN)
    for number in range(10 * MOST):
        entered = decide(entered, Entered(), ada(f"10.0.0.{number}"), NOW)
    assert len(entered.history) == MOST
    assert told(entered, Actor(kind="user", name="vera", address="10.0.0.1"), timedelta())


def test_visits_push_nothing_else_out_of_an_endpoint_s_memory() -> None:
    entered = decide(endpoint(status=EndpointStatus.FAILED), Ask("ada"), ada(), NOW)
    for number in range(500):
        entered = decide(entered, Entered(), ada(), NOW + number * AGAIN)
    assert [entry.fact for entry in entered.history] == ["requested", *["entered"] * KEPT]


def test_its_event_says_who_from_where_and_by_which_key() -> None:
    before = endpoint(status=EndpointStatus.READY, run=RUN)
    [(subject, event)] = events_after(decide(before, Entered("laptop"), ada(), NOW), before.version)
    data: Any = event.data
    assert subject == f"evt.endpoint.entered.v1.default.{JOB}"
    assert (data.actor, data.key, data.name) == (ada(), "laptop", "ssh")


@pytest.mark.parametrize(
    ("chain", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1, 10.0.0.1", "192.0.2.1"),
        ("192.0.2.1, 10.0.0.2, 10.0.0.1", "192.0.2.1"),
        ("1.2.3.4, 192.0.2.1, 10.0.0.1", "192.0.2.1"),
        ("1.2.3.4, 192.0.2.1", "192.0.2.1"),
        ("10.0.0.1", "10.0.0.1"),
        ("x" * 100, "x" * 64),
    ],
)
def test_what_a_client_says_of_itself_is_not_where_it_comes_from(chain: str, address: str) -> None:
    assert address_of(chain, frozenset({"10.0.0.1", "10.0.0.2"})) == address


class Away(Applier):
    """The store may be away."""

    away = False

    async def change(self, *arguments: Any, **more: Any) -> EndpointDocument:
        if self.away:
            raise TemporaryError("the store is away")
        return await super().change(*arguments, **more)


class Listening(Bus):
    """Takes events."""

    def __init__(self) -> None:
        """Nothing is connected."""

    async def publish(self, subject: str, event: Any) -> int:
        return 1


@pytest.fixture
async def applier(tmp_path: Path) -> AsyncIterator[Away]:
    documents = SqliteStore(tmp_path / "endpoints.sqlite")
    applier = Away(EndpointStore(documents), Listening(), ManualClock())
    await documents.open()
    await applier.store.endpoints.insert(endpoint(status=EndpointStatus.READY, run=RUN))
    yield applier
    await applier.outbox.drain()
    await documents.close()


def passed(user: str = "ada", key: str | None = "laptop") -> Pass:
    return Pass(user, "key:1", endpoint(status=EndpointStatus.READY, run=RUN), RUN, 0.0, token=None, key=key)


async def history(applier: Applier) -> list[tuple[str, str, str | None, str | None]]:
    found = await applier.store.get(JOB, "ssh")
    assert found is not None
    return [(entry.fact, entry.actor.name, entry.actor.address, entry.key) for entry in found.history]


async def test_a_page_that_asks_all_the_time_is_one_visit_on_all_replicas(applier: Away) -> None:
    for visits in [Visits(applier, ()) for _ in range(2)]:
        for _ in range(50):
            visits.came(passed(), "192.0.2.1")
        assert await visits.write()
    assert await history(applier) == [("entered", "ada", "192.0.2.1", "laptop")]


async def test_a_visit_is_stored_once_the_store_is_back(applier: Away) -> None:
    visits = Visits(applier, ())
    applier.away = True
    visits.came(passed(), "192.0.2.1")
    visits.came(passed("vera"), "192.0.2.2")
    assert not await visits.write()
    applier.away = False
    assert await visits.write()
    assert [name for _, name, _, _ in await history(applier)] == ["ada", "vera"]


async def test_a_ticket_that_is_issued_is_told_with_its_request(applier: Away) -> None:
    visits = Visits(applier, ())
    visits.ticket_issued(
        IssueTicket(job_id=JOB, name="ssh", credential="session:1", actor=ada(), correlation_id="request-7")
    )
    await visits.write()
    found = await applier.store.get(JOB, "ssh")
    assert found is not None
    assert [(entry.fact, entry.actor, entry.cause) for entry in found.history] == [
        ("ticket_issued", ada(), "request-7")
    ]


async def test_a_visit_to_what_is_gone_is_no_error(applier: Away) -> None:
    visits = Visits(applier, ())
    visits.ticket_issued(IssueTicket(job_id=JOB, name="jupyter", credential="session:1", actor=ada()))
    assert await visits.write()
