"""How many mails one person's jobs may cause within an hour, and what becomes of the others."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.notify.domain.allowance import allowed
from services.notify.domain.delivery import DeliveryDocument
from services.notify.domain.sending import begin, refused
from services.notify.store import NotifyStore
from shared.contracts.notify import Progress
from shared.store.sqlite import SqliteStore
from tests.support.documents import JOB_ID

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def delivery(id: str, owner: str = "ada", to: str = "mailto:a@b", at: datetime = NOW) -> DeliveryDocument:
    return DeliveryDocument(
        id=id, version=1, job_id=JOB_ID, owner=owner, event="failed", to=to, body="", sending=begin(at)
    )


def statuses(made: list[DeliveryDocument]) -> list[Progress]:
    return [one.sending.status for one in made]


def test_mails_above_the_allowance_are_refused_with_a_sentence_and_those_of_others_are_not() -> None:
    made = [delivery("1"), delivery("2"), delivery("3", "bob"), delivery("4"), delivery("5", to="https://a.b/")]
    result = allowed(made, {"ada": 8, "bob": 0}, 10, NOW)
    assert [one.id for one in result] == ["1", "2", "3", "4", "5"]
    assert statuses(result) == [Progress.WAITING] * 3 + [Progress.FAILED, Progress.WAITING]
    assert result[3].sending.last_error == (
        "Refused: the jobs of ada have caused 10 mails within an hour, the most that the operators allow "
        "(JOBYARD_NOTIFY_MAILS_PER_HOUR). Let fewer events be mailed, or use a webhook."
    )


def test_a_refused_mail_counts_for_nobody() -> None:
    never = delivery("1").model_copy(update={"sending": refused(NOW, "Too many.")})
    assert (delivery("1").mailed_by, never.mailed_by) == ("ada", None)
    assert delivery("1", to="https://a.b/").mailed_by is None


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[NotifyStore]:
    opened = SqliteStore(tmp_path / "notify.sqlite")
    made = NotifyStore(opened)
    await opened.open()
    yield made
    await opened.close()


async def test_the_store_counts_the_mails_of_one_person_since_a_moment(store: NotifyStore) -> None:
    never = delivery("refused").model_copy(update={"sending": refused(NOW, "Too many.")})
    mine = [delivery("old", at=NOW - 2 * HOUR), delivery("1"), delivery("2", to="https://a.b/"), delivery("3")]
    await store.deliveries.insert_many([*mine, never, delivery("4", "bob")])
    assert await store.mails_of("ada", NOW - HOUR, at_most=60) == 2
    assert await store.mails_of("ada", NOW - HOUR, at_most=1) == 1
    assert await store.mails_of("bob", NOW - HOUR, at_most=60) == 1
    assert await store.mails_of("eve", NOW - HOUR, at_most=60) == 0
