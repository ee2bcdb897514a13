"""How many endpoints a job may have, and what becomes of the closed ones."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
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
from shared.contracts.commands.jobs import JobViews
from shared.contracts.commands.submission import NewJob
from shared.contracts.endpoints import ENDPOINTS, AddEndpoint, EndpointStatus, RemoveEndpoint
from shared.contracts.errors import Conflict
from shared.contracts.job import JobRequest
from shared.store.sqlite import SqliteStore
from tests.support.clock import ManualClock
from tests.support.endpoints import JOB
from tests.support.gateway import stored_job, view_of


@dataclass
class Jobs(Bus):
    """The jobs service, with a job that waits for a place; it hears the events' ids."""

    told: list[str] = field(default_factory=list)

    async def ask(self, command: Any, ask: Any, timeout: float = 5.0) -> Any:
        request = JobRequest(name="j", command="true", endpoints=("ssh",))
        return JobViews(items=(view_of(stored_job(NewJob(id=JOB, owner="ada", request=request)), None),))

    async def publish(self, subject: str, event: Any) -> int:
        self.told.append(event.id)
        return len(self.told)


class NoPrograms(Programs):
    """None is needed."""

    def __init__(self) -> None:
        """Nothing is started."""


@dataclass
class Yard:
    store: EndpointStore
    clock: ManualClock
    jobs: Jobs
    applier: Applier
    desk: Desk

    async def add(self, name: str) -> EndpointStatus:
        self.clock.advance(1)
        return (await self.desk.add(AddEndpoint(job_id=JOB, name=name, requested_by="ada"))).status

    async def remove(self, name: str) -> None:
        self.clock.advance(1)
        await self.desk.remove(RemoveEndpoint(job_id=JOB, name=name, requested_by="ada"))

    async def names(self) -> list[str]:
        return [document.name for document in await self.store.of_job(JOB)]


@pytest.fixture
async def yard(tmp_path: Path) -> AsyncIterator[Yard]:
    documents = SqliteStore(tmp_path / "endpoints.sqlite")
    store, clock, jobs = EndpointStore(documents), ManualClock(), Jobs()
    await documents.open()
    applier = Applier(store, jobs, clock)
    opener = Opener(applier, NoPrograms())
    follower = Follower(applier, jobs, opener, keep_s=0.0, timeout_s=1.0)
    yield Yard(store, clock, jobs, applier, Desk(applier, follower, opener, Places(None, "ssh.example.org", 22)))
    await opener.drain()
    await applier.outbox.drain()
    await documents.close()


def port(number: int) -> str:
    return f"port-{2000 + number}"


async def test_only_those_that_are_not_closed_count(yard: Yard) -> None:
    for number in range(3 * ENDPOINTS):
        await yard.add(port(number))
        await yard.remove(port(number))
    names = await yard.names()
    assert len(names) == ENDPOINTS
    assert "ssh" in names, "that of the submission stays"
    assert port(3 * ENDPOINTS - 1) in names
    assert port(0) not in names, "the oldest makes room"


async def test_one_more_than_a_job_may_have_at_one_time_is_refused(yard: Yard) -> None:
    for number in range(ENDPOINTS - 1):
        await yard.add(port(number))
    with pytest.raises(Conflict, match="Remove one of them"):
        await yard.add(port(ENDPOINTS))
    await yard.remove(port(0))
    assert await yard.add(port(ENDPOINTS)) is EndpointStatus.REQUESTED
    with pytest.raises(Conflict, match="Remove one of them"):
        await yard.add(port(0))


async def test_an_endpoint_whose_document_was_replaced_comes_back_with_events_of_its_own(yard: Yard) -> None:
    for number in range(2 * ENDPOINTS):
        await yard.add(port(number))
        await yard.remove(port(number))
    assert port(0) not in await yard.names()
    await yard.add(port(0))
    await yard.applier.outbox.drain()
    assert len(yard.jobs.told) == len(set(yard.jobs.told))
    assert len([id for id in yard.jobs.told if id.startswith(f"{JOB}.{port(0)}:")]) == 3
