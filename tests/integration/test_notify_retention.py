"""What the notify service forgets, and whose mails it counts, on a real MongoDB wire."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from services.notify.domain.delivery import DeliveryDocument
from services.notify.domain.sending import Sending, begin, refused, sent
from services.notify.retention import Retention
from services.notify.store import NotifyStore
from shared.settings import PlatformSettings
from shared.store.open import open_store
from tests.support.clock import ManualClock
from tests.support.documents import JOB_ID
from tests.support.mongo import MongoServer

START = datetime(2026, 1, 1, tzinfo=UTC)
KEEP = timedelta(days=90)


def delivery(id: str, sending: Sending) -> DeliveryDocument:
    return DeliveryDocument(
        id=id, version=1, job_id=JOB_ID, owner="ada", event="failed", to="mailto:a@b", body="", sending=sending
    )


async def test_on_mongodb_what_is_over_for_long_goes_what_waits_stays_and_refused_mails_do_not_count(
    tmp_path: Path,
) -> None:
    async with MongoServer() as server:
        settings = PlatformSettings.model_validate({"data": tmp_path, "mongo_url": server.url})
        opened = open_store(settings, "notify", local=False)
        store = NotifyStore(opened)
        await opened.open()
        over = delivery("over", sent(begin(START), START))
        await store.deliveries.insert_many(
            [over, delivery("waits", begin(START)), delivery("refused", refused(START + KEEP, "Too many."))]
        )
        assert await store.mails_of("ada", START - timedelta(hours=1), at_most=10) == 2
        clock = ManualClock(START)
        clock.advance(KEEP.total_seconds() + 1)
        assert await Retention(store, clock, KEEP).step() == 1
        assert {one.id for one in await store.deliveries_of(JOB_ID)} == {"waits", "refused"}
        await opened.close()
