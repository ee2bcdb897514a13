"""What is over for long is forgotten, in bounded batches; what is not over, or not published yet, stays."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.notify.domain.case import CaseDocument, opened
from services.notify.domain.delivery import DeliveryDocument
from services.notify.domain.sending import Sending, begin, sent
from services.notify.retention import BATCH, Retention
from services.notify.settings import NotifySettings
from services.notify.store import NotifyStore
from shared.bus.streams import DAY_S, declared
from shared.contracts import subjects
from shared.contracts.notify import RequestSupport
from shared.ids import new_id
from shared.settings import PlatformSettings
from shared.store.sqlite import SqliteStore
from shared.wrong_settings import WrongSettings
from tests.support.clock import ManualClock
from tests.support.documents import JOB_ID

KEEP = timedelta(days=90)
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[NotifyStore]:
    opened_store = SqliteStore(tmp_path / "notify.sqlite")
    made = NotifyStore(opened_store)
    await opened_store.open()
    yield made
    await opened_store.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


def delivery(id: str, sending: Sending) -> DeliveryDocument:
    return DeliveryDocument(
        id=id, version=1, job_id=JOB_ID, owner="ada", event="failed", to="mailto:a@b", body="", sending=sending
    )


def case() -> CaseDocument:
    ask = RequestSupport(
        case_id=new_id(), job_id=JOB_ID, vc="default", requester="ada", subject="Help", message="It waits."
    )
    return opened(ask, "smtp", START)


async def test_what_has_been_over_for_longer_than_is_kept_goes_and_what_waits_stays(
    store: NotifyStore, clock: ManualClock
) -> None:
    await store.deliveries.insert_many(
        [
            delivery("old", sent(begin(START), START)),
            delivery("later", sent(begin(START), START + timedelta(days=1))),
            delivery("waits", begin(START)),
        ]
    )
    keeper = Retention(store, clock, KEEP)
    clock.advance(KEEP.total_seconds())
    assert await keeper.step() == 0, "it is kept for just so long"
    clock.advance(1)
    assert await keeper.step() == 1
    assert {one.id for one in await store.deliveries_of(JOB_ID)} == {"later", "waits"}
    clock.advance(10 * KEEP.total_seconds())
    assert await keeper.step() == 1
    assert {one.id for one in await store.deliveries_of(JOB_ID)} == {"waits"}


async def test_a_case_goes_only_once_it_is_over_and_its_events_are_published(
    store: NotifyStore, clock: ManualClock
) -> None:
    waits, quiet = case(), case()
    ended = quiet.moved(sent(quiet.sending, START), START)
    await store.cases.insert(waits)
    await store.cases.insert(ended)
    keeper = Retention(store, clock, KEEP)
    clock.advance(KEEP.total_seconds() + 1)
    assert await keeper.step() == 0, "an event of it is still to be published"
    await store.cases.raise_marks({ended.id: ended.version})
    assert await keeper.step() == 1
    assert [one.id for one in await store.cases_of(JOB_ID)] == [waits.id]


async def test_a_step_removes_no_more_than_a_batch(store: NotifyStore, clock: ManualClock) -> None:
    over = sent(begin(START), START)
    await store.deliveries.insert_many([delivery(f"d{number:04}", over) for number in range(BATCH + 1)])
    clock.advance(KEEP.total_seconds() + 1)
    keeper = Retention(store, clock, KEEP)
    assert [await keeper.step() for _ in range(3)] == [BATCH, 1, 0]


def test_nothing_is_forgotten_while_the_stream_may_still_tell_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBYARD_NOTIFY_KEEP_DAYS", "7")
    with pytest.raises(WrongSettings, match="JOBYARD_NOTIFY_KEEP_DAYS"):
        NotifySettings()
    events = next(stream for stream in declared(PlatformSettings()) if stream.name == subjects.EVENTS)
    monkeypatch.setenv("JOBYARD_NOTIFY_KEEP_DAYS", "8")
    assert events.max_age is not None and NotifySettings().keep_days * DAY_S > events.max_age
