"""A tail is complete or refused: it waits for what the stream holds of the job."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.logs.domain.chunk import Arrival
from services.logs.files import Folder
from services.logs.handlers import Handlers
from services.logs.progress import Progress
from services.logs.rings import Rings
from services.logs.settings import LogsSettings
from services.logs.snapshots import Snapshots
from shared.bus.bus import Bus
from shared.bus.codec import Undecodable
from shared.bus.subscriptions import Delivery
from shared.contracts import subjects
from shared.contracts.commands.logs import TailLog
from shared.contracts.errors import Unavailable
from tests.support.clock import ManualClock
from tests.support.logs import JOB, StreamOf, arrived, chunk_of

CATCH_UP_S = 0.05


class Nobody(Bus):
    """No other replica is asked."""

    def __init__(self) -> None:
        """Nothing is connected."""


@pytest.fixture
async def handlers(tmp_path: Path) -> AsyncIterator[Handlers]:
    folder, progress, stream = Folder(tmp_path), Progress(), StreamOf("monday", 2)
    rings = Rings(folder, ManualClock(), 1 << 20)
    settings = LogsSettings(catch_up_s=CATCH_UP_S)
    snapshots = Snapshots(folder, rings, progress, stream, settings)
    handlers = Handlers(Nobody(), rings, progress, snapshots, stream, settings)
    assert await handlers.position() == 1
    yield handlers
    await rings.close()


def delivery(sequence: int, seq: int) -> Delivery[Arrival | Undecodable]:
    return Delivery(subjects.log(JOB), arrived(chunk_of(seq, 1)), sequence, 1)


async def test_a_tail_that_cannot_catch_up_is_refused(handlers: Handlers) -> None:
    await handlers.ingest([delivery(1, 1)])
    with pytest.raises(Unavailable):
        await handlers.tail(TailLog(job_id=JOB))


async def test_a_tail_waits_for_the_last_line(handlers: Handlers) -> None:
    await handlers.ingest([delivery(1, 1)])
    waiting = asyncio.create_task(handlers.tail(TailLog(job_id=JOB)))
    await asyncio.sleep(0)
    await handlers.ingest([delivery(2, 2)])
    page = await waiting
    assert [line.seq for line in page.lines] == [1, 2]
    assert page.position == 2


async def test_an_unreadable_message_counts_as_read(handlers: Handlers) -> None:
    bad: Delivery[Arrival | Undecodable] = Delivery(subjects.log(JOB), Undecodable("no chunk"), 2, 1)
    await handlers.ingest([delivery(1, 1), bad])
    assert handlers.unreadable == 1
    assert (await handlers.tail(TailLog(job_id=JOB))).position == 2
