"""Who is let in by the guard is told of, counts for a moment, and is asked about anew once something is open."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from services.endpoints.domain.document import RunPlace
from services.endpoints.guard import Guard
from services.endpoints.store import EndpointStore
from services.endpoints.watch import RECHECK_S
from shared.contracts.endpoints import Admit, EndpointKind, EndpointStatus
from shared.contracts.errors import Unauthorized
from shared.store.sqlite import SqliteStore
from tests.support.clock import ManualClock
from tests.support.door import TOKEN, Gatekeeper
from tests.support.endpoints import JOB, endpoint
from tests.support.waiting import until

ASK = Admit(job_id=JOB, token=TOKEN)


@dataclass
class Yard:
    guard: Guard
    gatekeeper: Gatekeeper
    clock: ManualClock
    came: list[tuple[str, str, str]] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)


@pytest.fixture
async def yard(tmp_path: Path) -> AsyncIterator[Yard]:
    documents = SqliteStore(tmp_path / "endpoints.sqlite")
    store, clock, gatekeeper = EndpointStore(documents), ManualClock(), Gatekeeper()
    came: list[tuple[str, str, str]] = []
    guard = Guard(
        store, gatekeeper, clock, 5.0, lambda passed, address: came.append((passed.user, passed.endpoint.name, address))
    )
    await documents.open()
    run = RunPlace(attempt=1, executor="local")
    await store.endpoints.insert(endpoint(status=EndpointStatus.READY, run=run))
    yield Yard(guard, gatekeeper, clock, came)
    await documents.close()


async def test_whoever_comes_in_is_told_of_with_where_from(yard: Yard) -> None:
    passed = await yard.guard.enter(ASK, "ssh")
    assert yard.came == []
    with yard.guard.hold(passed, lambda _: None, "192.0.2.1"):
        assert yard.came == [("ada", "ssh", "192.0.2.1")]


async def test_what_is_open_is_counted_by_what_it_leads_to(yard: Yard) -> None:
    passed = await yard.guard.enter(ASK, "ssh")
    with yard.guard.hold(passed, lambda _: None, "192.0.2.1"), yard.guard.hold(passed, lambda _: None, "192.0.2.1"):
        assert yard.guard.open == {EndpointKind.SSH: 2}
    with pytest.raises(ConnectionError), yard.guard.hold(passed, lambda _: None, "192.0.2.1"):
        raise ConnectionError
    assert yard.guard.open == {EndpointKind.SSH: 0}


async def test_an_answer_counts_for_a_moment_and_no_longer(yard: Yard) -> None:
    await yard.guard.enter(ASK, "ssh")
    yard.gatekeeper.refused = Unauthorized("revoked")
    await yard.guard.enter(ASK, "ssh")
    yard.clock.advance(RECHECK_S)
    with pytest.raises(Unauthorized):
        await yard.guard.enter(ASK, "ssh")


async def test_what_is_open_is_cut_though_an_answer_from_before_still_counts(yard: Yard) -> None:
    passed = await yard.guard.enter(ASK, "ssh")
    yard.gatekeeper.refused = Unauthorized("revoked")
    with yard.guard.hold(passed, lambda _: yard.cut.append("shell"), "192.0.2.1"):
        watching = asyncio.ensure_future(yard.guard.watch())
        await until(lambda: yard.cut == ["shell"], "it is cut while the clock stands still")
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    with pytest.raises(Unauthorized):
        await yard.guard.enter(ASK, "ssh")
