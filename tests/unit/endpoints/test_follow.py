"""Endpoints follow their jobs: what fails for one job keeps no other waiting, and no loop from going on."""

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from services.endpoints.apply import Applier, TooContended
from services.endpoints.domain.document import EndpointDocument
from services.endpoints.domain.machine import Close
from services.endpoints.domain.reasons import removed
from services.endpoints.follow import Follower
from services.endpoints.idle import IdleWatch
from services.endpoints.opener import Opener
from services.endpoints.programs.starting import Programs
from services.endpoints.reconcile import reconcile
from services.endpoints.store import EndpointStore
from shared.bus.bus import Bus
from shared.contracts.commands.jobs import ACTIVE, ActiveJob, ActiveJobPage, JobViews
from shared.contracts.commands.submission import NewJob
from shared.contracts.endpoints import EndpointStatus
from shared.contracts.errors import Conflict, InternalError, Refusal, Unauthorized, Unavailable
from shared.contracts.job import JobRequest, JobStatus, JobView
from shared.store.sqlite import SqliteStore
from tests.support.clock import ManualClock
from tests.support.endpoints import JOB
from tests.support.gateway import stored_job, view_of
from tests.support.waiting import until

OTHER = "01JD8F2M5V7Q0R3S6T9W2X4Y90"


def running(id: str, status: JobStatus = JobStatus.RUNNING) -> JobView:
    request = JobRequest(name="j", command="true", endpoints=("ssh",))
    return view_of(stored_job(NewJob(id=id, owner="ada", request=request), status=status), "local")


@dataclass
class Jobs(Bus):
    """The jobs service, which has these; events go nowhere."""

    views: dict[str, JobView] = field(default_factory=lambda: {id: running(id) for id in (JOB, OTHER)})

    async def ask(self, command: Any, ask: Any, timeout: float = 5.0) -> Any:
        if command is ACTIVE:
            return ActiveJobPage(items=tuple(ActiveJob(view=view) for view in self.views.values()))
        return JobViews(items=tuple(self.views[id] for id in ask.ids if id in self.views))

    async def publish(self, subject: str, event: Any) -> int:
        return 1


class Stubborn(Applier):
    """Fails for the endpoints of one job, if any."""

    failure: Refusal | TooContended | None = None

    async def follow(self, endpoint_id: str, *args: Any, **more: Any) -> EndpointDocument:
        if self.failure is not None and endpoint_id.startswith(JOB):
            raise self.failure
        return await super().follow(endpoint_id, *args, **more)


class NoPrograms(Programs):
    """None is needed."""

    def __init__(self) -> None:
        """Nothing is started."""


@dataclass
class Yard:
    store: EndpointStore
    jobs: Jobs
    applier: Stubborn
    follower: Follower

    async def status(self, job_id: str) -> EndpointStatus | None:
        found = await self.store.get(job_id, "ssh")
        return found.status if found is not None else None


@pytest.fixture
async def yard(tmp_path: Path) -> AsyncIterator[Yard]:
    documents = SqliteStore(tmp_path / "endpoints.sqlite")
    store, jobs = EndpointStore(documents), Jobs()
    await documents.open()
    applier = Stubborn(store, jobs, ManualClock())
    opener = Opener(applier, NoPrograms())
    yield Yard(store, jobs, applier, Follower(applier, jobs, opener, keep_s=0.0, timeout_s=1.0))
    await opener.drain()
    await applier.outbox.drain()
    await documents.close()


@pytest.mark.parametrize("failure", [TooContended("Again."), Conflict("No."), InternalError("A fault.")])
async def test_what_fails_for_one_job_keeps_no_other_one_waiting(yard: Yard, failure: Refusal | TooContended) -> None:
    yard.applier.failure = failure
    await yard.follower.catch_up()
    await yard.follower.repair()
    assert await yard.status(JOB) is EndpointStatus.REQUESTED
    assert await yard.status(OTHER) in (EndpointStatus.STARTING, EndpointStatus.READY)
    yard.applier.failure = None
    await yard.follower.repair()
    assert await yard.status(JOB) in (EndpointStatus.STARTING, EndpointStatus.READY)


async def test_a_job_is_followed_to_its_end_though_all_its_endpoints_are_closed(yard: Yard) -> None:
    await yard.follower.catch_up()
    for id in (JOB, OTHER):
        await yard.applier.change(f"{id}.ssh", (Close(removed("ada")),))
    await yard.follower.repair()
    await yard.follower.repair()
    assert yard.follower.jobs == {JOB, OTHER}
    yard.jobs.views = {JOB: running(JOB, JobStatus.FINISHED)}
    await yard.follower.repair()
    assert yard.follower.jobs == set()


class Refused(Follower):
    """Is refused whatever it asks."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        self.tries = 0

    @property
    def jobs(self) -> set[str]:
        return {JOB}

    async def catch_up(self) -> None:
        self.tries += 1
        if self.tries == 1:
            raise self.refusal

    async def repair(self) -> None:
        raise self.refusal


class Refusing(IdleWatch):
    """The same."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        self.looks = 0
        self.jobs: set[str] = set()

    async def look(self, jobs: Collection[str]) -> None:
        self.looks += 1
        self.jobs |= set(jobs)
        raise self.refusal


@pytest.mark.parametrize("refusal", [Conflict("No."), InternalError("A fault."), Unauthorized("No."), Unavailable("-")])
async def test_no_refusal_ends_the_repairs(refusal: Refusal) -> None:
    follower, idle = Refused(refusal), Refusing(refusal)
    loop = asyncio.create_task(reconcile(follower, idle))
    try:
        await until(lambda: follower.tries == 2 and idle.looks == 2, "it has gone on")
        assert not loop.done()
        assert idle.jobs == {JOB}, "those whose endpoints may all be closed are looked at too"
    finally:
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
