"""A job that has changed more often than any honest one."""

from pathlib import Path

import pytest

from services.jobs.apply import HISTORY_LIMIT, Applier
from services.jobs.domain.signals import Kill, Pause
from services.jobs.domain.submission import submit
from services.jobs.store import JobStore
from shared.bus.bus import Bus
from shared.contracts.commands import NewJob
from shared.contracts.errors import Conflict
from shared.contracts.events import AnyCloudEvent
from shared.contracts.job import Actor, JobRequest, JobStatus
from shared.ids import new_id
from shared.settings import PlatformSettings
from shared.store.open import open_store
from tests.support.clock import ManualClock

ADA = Actor(kind="user", name="ada")


class Taken(Bus):
    """Takes every event."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    async def publish(self, subject: str, event: AnyCloudEvent) -> int:
        self.ids.append(event.id)
        return len(self.ids)


async def test_a_job_whose_history_is_full_can_be_killed_as_its_refusal_says_and_nothing_else(tmp_path: Path) -> None:
    store = open_store(PlatformSettings(data=tmp_path), "jobs", local=True)
    clock = ManualClock()
    applier = Applier(JobStore(store), Taken(), clock)
    await store.open()
    new = NewJob(id=new_id(), owner="ada", request=JobRequest(name="j", command="true"))
    full = submit(new, clock.now()).model_copy(update={"version": HISTORY_LIMIT})
    await applier.store.jobs.insert(full)
    with pytest.raises(Conflict, match="kill it"):
        await applier.change(full.id, Pause(), ADA, None)
    assert (await applier.change(full.id, Kill(), ADA, None)).status is JobStatus.KILLED
    await applier.outbox.drain()
    await store.close()
