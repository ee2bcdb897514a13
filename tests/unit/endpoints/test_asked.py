"""What people are answered who ask for endpoints, list them and close them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.endpoints.apply import Applier
from services.endpoints.desk import Desk
from services.endpoints.domain.places import Places
from services.endpoints.domain.reasons import absent, closing
from services.endpoints.follow import Follower
from services.endpoints.opener import Opener
from services.endpoints.programs.starting import Programs
from services.endpoints.store import EndpointStore
from shared.bus.bus import Bus
from shared.contracts.base import in_words
from shared.contracts.commands.jobs import GetJobViews, JobViews
from shared.contracts.commands.submission import NewJob
from shared.contracts.endpoints import AddEndpoint, EndpointStatus, ListEndpoints, RemoveEndpoint
from shared.contracts.errors import Conflict, Invalid, NotFound
from shared.contracts.job import TERMINAL, JobRequest, JobStatus
from shared.store.sqlite import SqliteStore
from tests.support.clock import ManualClock
from tests.support.endpoints import JOB
from tests.support.gateway import stored_job, view_of

NOW = ManualClock().now()


class Yard(Bus):
    """A job that nobody has let run yet."""

    def __init__(self) -> None:
        self.status = JobStatus.QUEUED
        self.version = 1

    def become(self, status: JobStatus) -> None:
        self.status, self.version = status, self.version + 1

    async def ask(self, command: Any, ask: Any, timeout: float = 5.0) -> Any:
        assert isinstance(ask, GetJobViews)
        request = JobRequest(name="j", command="python train.py")
        job = stored_job(NewJob(id=JOB, owner="ada", request=request), status=self.status, version=self.version)
        view = view_of(job, None)
        ran = {"started_at": NOW, "finished_at": NOW} if self.status in TERMINAL else {}
        return JobViews(items=(view.model_copy(update={"state": view.state.model_copy(update=ran)}),))

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
    here.yard.become(JobStatus.FINISHED)
    assert await here.add("tensorboard") is EndpointStatus.READY
    for name in ("ssh", "jupyter"):
        with pytest.raises(Conflict, match="is over"):
            await here.add(name)


async def test_a_rank_that_the_job_does_not_have_is_said_with_those_it_has(here: Here) -> None:
    with pytest.raises(Invalid) as refused:
        await here.add("ssh", rank=1)
    assert refused.value.message == "rank: The job has 1 node; its only rank is 0."
    with pytest.raises(Invalid, match="must be 'ssh', 'jupyter', 'tensorboard' or 'port-<1024…65535>'"):
        await here.add("port-1000")


async def test_what_is_said_of_one_that_was_closed_stays_true_when_the_job_is_over(here: Here) -> None:
    await here.add("ssh")
    await here.desk.remove(RemoveEndpoint(job_id=JOB, name="ssh", requested_by="ada"))
    assert await here.why("ssh") == "ada has closed it. While the job is not over, adding it again opens it."
    with pytest.raises(NotFound):
        await here.desk.remove(RemoveEndpoint(job_id=JOB, name="jupyter", requested_by="ada"))


async def test_moments_in_reasons_have_the_form_that_is_shown_in_local_time(here: Here) -> None:
    await here.add("tensorboard")
    here.yard.become(JobStatus.FINISHED)
    until = in_words(NOW + timedelta(seconds=3600))
    assert (
        await here.why("tensorboard")
        == f"The job is over; what it wrote for TensorBoard can be looked at until {until}."
    )
    assert in_words(NOW) in closing(300, NOW).message


def test_a_name_that_no_endpoint_can_have_is_not_to_be_added() -> None:
    assert "jobyard endpoint add" in absent(JOB, "port-8080")
    assert "jobyard endpoint add" not in absent(JOB, "port-80")
