"""One key of one person names one document for 24 h, on both databases, also when two replicas meet at midnight."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.jobs.apply import Applier
from services.jobs.starts import Starts
from services.jobs.store import JobStore
from services.jobs.submit import submit_all
from services.notify.desk import Desk
from services.notify.store import NotifyStore
from shared.contracts.commands.submission import NewJob, SubmitJobs
from shared.contracts.errors import Conflict, refusal_from
from shared.contracts.job import JobRequest
from shared.contracts.notify import RequestSupport
from shared.ids import new_id
from shared.meter import Meter
from shared.store.port import Collection, Schema, Store
from tests.support.clock import ManualClock
from tests.support.databases import Database
from tests.support.jobs import Taken

MIDNIGHT = datetime(2026, 11, 24, tzinfo=UTC)
NOON = MIDNIGHT + timedelta(hours=12)
MOMENT = timedelta(milliseconds=200)
DAY = timedelta(days=1)


class Meeting:
    """A collection whose inserts wait for one another: both writers have looked before either writes."""

    def __init__(self, inner: Collection[Any], barrier: asyncio.Barrier) -> None:
        self._inner = inner
        self._barrier = barrier

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def insert(self, document: Any) -> None:
        await self._barrier.wait()
        await self._inner.insert(document)

    async def insert_many(self, documents: Any) -> Any:
        await self._barrier.wait()
        return await self._inner.insert_many(documents)


@dataclass
class Bench:
    """A database that two replicas of a service share; each has its own clock."""

    store: Store
    barrier: asyncio.Barrier | None = None

    def collection(self, schema: Schema[Any]) -> Any:
        inner = self.store.collection(schema)
        return inner if self.barrier is None else Meeting(inner, self.barrier)

    def meeting(self) -> "Bench":
        """The same for two writers at one moment."""
        return Bench(self.store, asyncio.Barrier(2))


async def submit(bench: Bench, now: datetime, key: str = "k", fingerprint: str = "f", owner: str = "ada") -> str:
    """The id of the job that the submission has made or found. Raises Conflict."""
    applier = Applier(JobStore(bench), Taken(), ManualClock(now), Starts(Meter()))  # type: ignore[arg-type]
    request = JobRequest(name="train", command="true")
    new = NewJob(id=new_id(), owner=owner, request=request, idempotency_key=key, fingerprint=fingerprint)
    (outcome,) = (await submit_all(applier, SubmitJobs(jobs=(new,)))).outcomes
    await applier.outbox.drain()
    if outcome.refusal is not None:
        raise refusal_from(outcome.refusal)
    assert outcome.id is not None
    return outcome.id


async def ask_support(bench: Bench, now: datetime, key: str = "k", fingerprint: str = "f", owner: str = "ada") -> str:
    """The id of the case that the question has made or found. Raises Conflict."""
    mailers: dict[Any, Any] = {"file": None}  # a request sends nothing
    desk = Desk(NotifyStore(bench), Taken(), ManualClock(now), mailers, ("ops@example.org",))  # type: ignore[arg-type]
    about: dict[str, Any] = {"job_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "vc": "default", "subject": "s", "message": "m"}
    ask = RequestSupport(
        case_id=new_id(), requester=owner, email=None, include_logs=False, idempotency_key=key, fingerprint=fingerprint,
        **about,
    )  # fmt: skip
    case, _ = await desk.request(ask)
    await desk.outbox.drain()
    return case.id


@pytest.fixture(params=[submit, ask_support], ids=["jobs", "support cases"])
def make(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
async def bench(database: Database) -> AsyncIterator[Bench]:
    store = database.store("keys")
    JobStore(store), NotifyStore(store)
    await store.open()
    yield Bench(store)
    await store.close()


@pytest.mark.parametrize("boundary", [MIDNIGHT, NOON], ids=["midnight", "noon"])
async def test_two_replicas_that_meet_make_one_document(bench: Bench, make: Any, boundary: datetime) -> None:
    both = bench.meeting()
    first, second = await asyncio.gather(make(both, boundary - MOMENT), make(both, boundary + MOMENT))
    assert first == second
    for later in (boundary - MOMENT, boundary + MOMENT, boundary + DAY - 2 * MOMENT):
        assert await make(bench, later) == first


async def test_of_two_requests_that_meet_with_one_key_the_other_is_refused(bench: Bench, make: Any) -> None:
    both = bench.meeting()
    outcomes = await asyncio.gather(
        make(both, MIDNIGHT - MOMENT, fingerprint="one"),
        make(both, MIDNIGHT + MOMENT, fingerprint="other"),
        return_exceptions=True,
    )
    (refusal,) = [outcome for outcome in outcomes if isinstance(outcome, Conflict)]
    (made,) = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert "Take a new key" in refusal.message
    assert refusal.details == {"id": made}


@pytest.mark.parametrize("hours", [0, 1, 11.9, 12.1, 23.9])
async def test_a_key_is_free_again_after_24_hours_and_not_before(bench: Bench, make: Any, hours: float) -> None:
    begin = MIDNIGHT + timedelta(hours=hours)
    first = await make(bench, begin)
    assert await make(bench, begin + DAY - MOMENT) == first
    with pytest.raises(Conflict):
        await make(bench, begin + DAY - MOMENT, fingerprint="other")
    second = await make(bench, begin + DAY, fingerprint="other")
    assert second != first
    assert await make(bench, begin + DAY + MOMENT, fingerprint="other") == second


async def test_a_replica_whose_clock_is_behind_finds_what_the_other_made_tomorrow(bench: Bench, make: Any) -> None:
    assert await make(bench, MIDNIGHT + MOMENT) == await make(bench, MIDNIGHT - MOMENT)


async def test_keys_of_other_people_and_other_keys_are_others(bench: Bench, make: Any) -> None:
    made = [await make(bench, NOON), await make(bench, NOON, owner="bob"), await make(bench, NOON, key="other")]
    assert len(set(made)) == 3
