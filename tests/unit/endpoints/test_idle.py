"""Unused endpoints are closed as their virtual cluster says, and a Jupyter that works is not unused."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.endpoints.apply import Applier
from services.endpoints.domain.document import EndpointDocument, Entry, RunPlace
from services.endpoints.domain.machine import Broken, Close, Signal, Stopped
from services.endpoints.domain.reasons import no_run, removed
from services.endpoints.idle import IdleWatch
from services.endpoints.opener import Opener
from services.endpoints.programs.starting import Programs
from services.endpoints.store import EndpointStore
from services.endpoints.usage import Usage
from shared.bus.bus import Bus
from shared.contracts.commands.changes import KILL, ChangeJob
from shared.contracts.commands.endpoints import IDLE_LIMITS
from shared.contracts.commands.jobs import GET
from shared.contracts.commands.submission import NewJob
from shared.contracts.endpoints import EndpointKind, EndpointStatus, IdleLimits
from shared.contracts.errors import Conflict, InternalError, NotFound, Refusal, TooMany, Unauthorized, Unavailable
from shared.contracts.job import IDLE, Actor, JobRequest, JobStatus
from shared.store.sqlite import SqliteStore
from tests.support.clock import ManualClock
from tests.support.endpoints import JOB, endpoint
from tests.support.gateway import stored_job

LIMIT_S = 3600
ACTOR = Actor(kind="service", name="endpoints")
OTHER = "01JD8F2M5V7Q0R3S6T9W2X4Y90"


@dataclass
class Gateway(Bus):
    """Says what the policies are and what job this is, takes events, and hears of kills."""

    limits: dict[str, int] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    command: str = "python train.py"
    killed: list[ChangeJob] = field(default_factory=list)
    refused: dict[tuple[Any, str], Refusal] = field(default_factory=dict)
    """What is refused, of which job."""

    async def ask(self, command: Any, ask: Any, timeout: float = 5.0) -> Any:
        refusal = self.refused.get((command, ask.id)) if command is not IDLE_LIMITS else None
        if refusal is not None:
            raise refusal
        if command is KILL:
            self.killed.append(ask)
        if command is not IDLE_LIMITS:
            request = JobRequest(name="j", command=self.command)
            return stored_job(NewJob(id=ask.id, owner="ada", request=request), status=JobStatus.RUNNING)
        return IdleLimits(seconds={vc: self.limits[vc] for vc in ask.vcs if vc in self.limits})

    async def publish(self, subject: str, event: Any) -> int:
        self.events.append(event.type.split(".")[3])
        return len(self.events)


class Kernels(Programs):
    """A Jupyter whose kernel is in this state."""

    def __init__(self) -> None:
        self.state = "idle"
        self.refusal: Refusal | None = None

    async def ask(self, endpoint: EndpointDocument, path: str) -> tuple[int, bytes]:
        if self.refusal is not None:
            raise self.refusal
        assert path == "api/kernels"
        return 200, json.dumps([{"id": "k", "execution_state": self.state}]).encode()

    async def stop(self, endpoint: EndpointDocument) -> None:
        """There is none to stop."""


@dataclass
class Yard:
    store: EndpointStore
    clock: ManualClock
    gateway: Gateway
    applier: Applier
    kernels: Kernels
    opener: Opener
    watch: IdleWatch

    async def add(self, name: str, kind: EndpointKind, job_id: str = JOB) -> None:
        ready = Entry(version=1, fact="ready", time=self.clock.now(), actor=ACTOR, attempt=1)
        document = endpoint(
            id=f"{job_id}.{name}",
            job_id=job_id,
            name=name,
            kind=kind,
            version=1,
            status=EndpointStatus.READY,
            run=RunPlace(attempt=1, executor="local"),
            history=(ready,),
            target=9999,
        )
        await self.store.endpoints.insert(document)

    async def get(self, name: str) -> EndpointDocument:
        found = await self.store.get(JOB, name)
        assert found is not None
        return found

    async def after(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await self.watch.look({JOB})
        await self.applier.outbox.drain()


@pytest.fixture
async def yard(tmp_path: Path) -> AsyncIterator[Yard]:
    documents = SqliteStore(tmp_path / "endpoints.sqlite")
    store, clock, gateway, kernels = EndpointStore(documents), ManualClock(), Gateway({"default": LIMIT_S}), Kernels()
    await documents.open()
    applier = Applier(store, gateway, clock)
    opener = Opener(applier, kernels)
    yield Yard(
        store, clock, gateway, applier, kernels, opener, IdleWatch(applier, gateway, kernels, opener, timeout_s=1.0)
    )
    await opener.drain()
    await applier.outbox.drain()
    await documents.close()


async def test_it_is_warned_of_then_closed_and_told_once_each(yard: Yard) -> None:
    await yard.add("ssh", EndpointKind.SSH)
    await yard.after(LIMIT_S - 301)
    assert yard.gateway.events == []
    for _ in range(3):
        await yard.after(10)
    warned = await yard.get("ssh")
    assert (warned.status, warned.reason and warned.reason.code) == (EndpointStatus.READY, "closing_idle")
    await yard.after(301)
    assert (await yard.get("ssh")).status is EndpointStatus.CLOSED
    assert yard.gateway.events == ["ready", "closing", "closed"]


async def test_whoever_uses_it_keeps_it(yard: Yard) -> None:
    await yard.add("ssh", EndpointKind.SSH)
    usage = Usage(yard.applier)
    await yard.after(LIMIT_S - 100)
    usage.touch(f"{JOB}.ssh", "ada")
    await usage.write()
    used = await yard.get("ssh")
    assert (used.reason, used.last_used_at, used.last_used_by) == (None, yard.clock.now(), "ada")
    await yard.after(200)
    assert (await yard.get("ssh")).status is EndpointStatus.READY


async def test_a_jupyter_whose_kernel_works_is_used_though_nobody_looks(yard: Yard) -> None:
    await yard.add("jupyter", EndpointKind.JUPYTER)
    yard.kernels.state = "busy"
    await yard.after(LIMIT_S + timedelta(hours=1).total_seconds())
    assert (await yard.get("jupyter")).status is EndpointStatus.READY
    yard.kernels.state = "idle"
    await yard.after(LIMIT_S)
    assert (await yard.get("jupyter")).status is EndpointStatus.CLOSED


async def test_a_job_without_a_command_ends_once_nobody_uses_any_way_into_it(yard: Yard) -> None:
    yard.gateway.command = IDLE
    await yard.add("ssh", EndpointKind.SSH)
    await yard.after(LIMIT_S / 2)
    await yard.add("jupyter", EndpointKind.JUPYTER)
    yard.kernels.state = "busy"
    await yard.after(LIMIT_S)
    assert yard.gateway.killed == [], "a kernel works"
    yard.kernels.state = "idle"
    await yard.after(LIMIT_S)
    [kill] = yard.gateway.killed
    assert (kill.id, kill.actor, kill.reason and kill.reason.code) == (JOB, ACTOR, "idle")


@pytest.mark.parametrize("end", [Close(removed("ada")), Broken(RunPlace(attempt=1, executor="local"), no_run())])
async def test_it_ends_too_when_all_its_endpoints_were_closed_or_failed_for_so_long(yard: Yard, end: Signal) -> None:
    yard.gateway.command = IDLE
    await yard.add("ssh", EndpointKind.SSH)
    await yard.after(LIMIT_S - 400)
    await yard.applier.change(f"{JOB}.ssh", (end, Stopped(RunPlace(attempt=1, executor="local"))))
    await yard.after(LIMIT_S - 10)
    assert yard.gateway.killed == [], "it was closed a moment less ago than that"
    await yard.after(20)
    [kill] = yard.gateway.killed
    assert kill.id == JOB


async def test_a_job_with_a_command_goes_on_without_endpoints(yard: Yard) -> None:
    await yard.add("ssh", EndpointKind.SSH)
    await yard.applier.change(f"{JOB}.ssh", (Close(removed("ada")), Stopped(RunPlace(attempt=1, executor="local"))))
    await yard.after(2 * LIMIT_S)
    assert yard.gateway.killed == []


@pytest.mark.parametrize("refusal", [Conflict("It is over."), NotFound("There is none.")])
async def test_a_job_that_ended_by_itself_needs_no_end(yard: Yard, refusal: Refusal) -> None:
    yard.gateway.command = IDLE
    yard.gateway.refused[KILL, JOB] = refusal
    await yard.add("ssh", EndpointKind.SSH)
    await yard.after(LIMIT_S)
    assert (await yard.get("ssh")).status is EndpointStatus.READY, "it goes with its job"


@pytest.mark.parametrize("refusal", [InternalError("A fault."), Unavailable("Away."), NotFound("There is none.")])
async def test_what_is_refused_of_one_job_keeps_no_other_one(yard: Yard, refusal: Refusal) -> None:
    yard.gateway.command = IDLE
    yard.gateway.refused = {(GET, JOB): refusal}
    await yard.add("ssh", EndpointKind.SSH)
    await yard.add("ssh", EndpointKind.SSH, OTHER)
    await yard.after(LIMIT_S)
    assert [kill.id for kill in yard.gateway.killed] == [OTHER]


@pytest.mark.parametrize("refusal", [TooMany("Later."), InternalError("A fault."), Unauthorized("Too old.")])
async def test_a_jupyter_that_cannot_be_asked_now_is_left_alone(yard: Yard, refusal: Refusal) -> None:
    await yard.add("jupyter", EndpointKind.JUPYTER)
    yard.kernels.refusal = refusal
    await yard.after(LIMIT_S)
    assert (await yard.get("jupyter")).status is EndpointStatus.READY


async def test_where_the_policy_says_nothing_nothing_is_closed(yard: Yard) -> None:
    await yard.add("ssh", EndpointKind.SSH)
    yard.gateway.limits.clear()
    await yard.after(100 * LIMIT_S)
    assert (await yard.get("ssh")).status is EndpointStatus.READY


async def test_use_of_what_is_gone_is_no_error(yard: Yard) -> None:
    usage = Usage(yard.applier)
    usage.touch(f"{JOB}.jupyter", "ada")
    await usage.write()
