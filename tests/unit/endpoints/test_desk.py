"""What people are answered who ask for endpoints, list them and close them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from services.endpoints.apply import Applier
from services.endpoints.desk import Desk
from services.endpoints.domain.places import Places
from services.endpoints.follow import Follower
from services.endpoints.opener import Opener
from services.endpoints.programs.starting import Programs
from services.endpoints.store import EndpointStore
from shared.bus.bus import Bus
from shared.contracts.commands.jobs import GetJobViews, JobViews
from shared.contracts.commands.submission import NewJob
from shared.contracts.endpoints import AddEndpoint, EndpointStatus, ListEndpoints
from shared.contracts.errors import Conflict
from shared.contracts.job import JobRequest, JobStatus
from shared.store.sqlite import SqliteStore
from tests.support.clock import ManualClock
from tests.support.endpoints import JOB
from tests.support.gateway import stored_job, view_of


class Yard(Bus):
    """A job that nobody has let run yet."""

    def __init__(self) -> None:
        self.status = JobStatus.QUEUED

    async def ask(self, command: Any, ask: Any, timeout: float = 5.0) -> Any:
        assert isinstance(ask, GetJobViews)
        request = JobRequest(name="j", command="python train.py")
        job = stored_job(NewJob(id=JOB, owner="ada", request=request), status=self.status)
        return JobViews(items=(view_of(job, "local" if self.status is JobStatus.RUNNING else None),))

    async def publish(self, subject: str, event: Any) -> int:
        return 1


class NoPrograms(Programs):
    """None is started here."""

    def __init__(self) -> None:
        pass


@dataclass
class Here:
    desk: Desk
    yard: Yard

    async def add(self, name: str, rank: int = 0) -> EndpointStatus:
        return (await self.desk.add(AddEndpoint(job_id=JOB, name=name, rank=rank, requested_by="ada"))).status

    async def why(self, name: str) -> str:
        found = (await self.desk.list(ListEndpoints(job_id=JOB))).items
        reason = next(endpoint.reason for endpoint in found if endpoint.name == name)
        return reason.message if reason else ""


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Here]:
    documents = SqliteStore(tmp_path / "endpoints.sqlite")
    store, yard = EndpointStore(documents), Yard()
    await documents.open()
    applier = Applier(store, yard, ManualClock())
    opener = Opener(applier, NoPrograms())
    follower = Follower(applier, yard, opener, keep_s=3600, timeout_s=1.0)
    yield Here(Desk(applier, follower, opener, Places(None, "localhost", 0)), yard)
    await opener.drain()
    await applier.outbox.drain()
    await documents.close()


async def test_what_outlives_its_job_is_answered_as_it_is_and_nothing_else_is_added(here: Here) -> None:
    for name in ("tensorboard", "ssh"):
        assert await here.add(name) is EndpointStatus.REQUESTED
    here.yard.status = JobStatus.FINISHED
    assert await here.add("tensorboard") is EndpointStatus.READY
    for name in ("ssh", "jupyter"):
        with pytest.raises(Conflict, match="is over"):
            await here.add(name)
