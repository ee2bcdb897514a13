"""The scheduler beside the real jobs service: it places, explains, makes room, and one leader follows another."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from nats.errors import Error as NatsError

from services.jobs.app import build as build_jobs
from services.scheduler.app import build as build_scheduler
from shared.bus.bus import Bus, connect
from shared.bus.streams import bootstrap
from shared.contracts import subjects
from shared.contracts.commands.changes import KILL, PAUSE, SET_PRIORITY, ChangeJob, SetPriority
from shared.contracts.commands.jobs import GET, VIEWS, GetJob, GetJobViews
from shared.contracts.commands.scheduling import EXPLAIN, ExplainJobs
from shared.contracts.commands.submission import SUBMIT, NewJob, SubmitJobs
from shared.contracts.events import CloudEvent, RunEvent, RunExited, RunRefused, RunStarted, RunStopped
from shared.contracts.job import Actor, JobRequest, JobStatus, JobView, Reason
from shared.ids import new_id
from shared.runtime import serving
from shared.settings import PlatformSettings
from tests.support.nats import NatsServer
from tests.support.ports import free_port
from tests.support.waiting import until
from tests.support.yard import START, node

ADA = Actor(kind="user", name="ada")
CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
async def nats() -> AsyncIterator[NatsServer]:
    async with NatsServer() as running:
        yield running


@pytest.fixture
def settings(nats: NatsServer, tmp_path: Path) -> PlatformSettings:
    return PlatformSettings(data=tmp_path, nats_url=nats.url)


@pytest.fixture
async def bus(settings: PlatformSettings) -> AsyncIterator[Bus]:
    async with connect(settings.nats_url, "test") as client:
        await bootstrap(client.js, settings)
        yield client


@pytest.fixture
async def jobs(settings: PlatformSettings) -> AsyncIterator[None]:
    async with serving([build_jobs], settings):
        yield


@pytest.fixture
async def both(settings: PlatformSettings) -> AsyncIterator[None]:
    async with serving([build_jobs, build_scheduler], settings):
        yield


class Node:
    """Plays an executor: reports what it has, and says what a test wants to have observed."""

    def __init__(self, bus: Bus, name: str = "a", **devices: int) -> None:
        self._bus = bus
        self.name = name
        self._report = node(name).model_copy(update={"devices": devices})

    async def report(self) -> None:
        bucket = await self._bus.js.key_value(subjects.NODES)
        await bucket.put(self.name, self._report.model_dump_json().encode())

    async def start(self, view: JobView) -> None:
        await self._say(RunStarted(**self._run(view), started_at=START))

    async def finish(self, view: JobView) -> None:
        await self._say(RunExited(**self._run(view), ended_at=START, exit_code=0))

    async def stopped(self, view: JobView) -> None:
        await self._say(RunStopped(**self._run(view), ended_at=START))

    async def refuse(self, view: JobView) -> None:
        reason = Reason(code="devices_busy", message="Something else uses the device.")
        await self._say(RunRefused(**self._run(view), busy=True, reason=reason))

    def _run(self, view: JobView) -> dict[str, Any]:
        return {"job_id": view.id, "vc": view.vc, "attempt": view.state.attempt, "node": self.name}

    async def _say(self, event: RunEvent) -> None:
        envelope = CloudEvent[Any](
            id=f"{event.run_id}:{event.fact}",
            type=f"io.jobyard.run.{event.fact}.v1",
            source=f"/executor/{self.name}",
            subject=event.job_id,
            time=START,
            data=event,
        )
        await self._bus.publish(subjects.run_event(event), envelope)


async def submit(bus: Bus, **request: Any) -> str:
    if request.get("devices"):
        request.setdefault("device_type", "v100")
    job = NewJob(id=new_id(), owner="ada", request=JobRequest(**({"name": "train", "command": "true"} | request)))
    outcome = (await bus.ask(SUBMIT, SubmitJobs(jobs=(job,)))).outcomes[0]
    assert outcome.refusal is None
    return job.id


async def view_of(bus: Bus, id: str) -> JobView:
    return (await bus.ask(VIEWS, GetJobViews(ids=(id,)))).items[0]


async def reason_of(bus: Bus, id: str) -> Reason | None:
    items = (await bus.ask(EXPLAIN, ExplainJobs(ids=(id,)))).items
    return items[0].reason if items else None


async def reaches(bus: Bus, id: str, status: JobStatus) -> JobView:
    async def there() -> bool:
        return (await bus.ask(GET, GetJob(id=id))).status is status

    await until(there, f"{id} is {status}")
    return await view_of(bus, id)


async def explained(bus: Bus, id: str, code: str) -> Reason:
    async def there() -> bool:
        reason = await reason_of(bus, id)
        return reason is not None and reason.code == code

    await until(there, f"{id} is explained by {code}")
    reason = await reason_of(bus, id)
    assert reason is not None
    return reason


@pytest.mark.usefixtures("both")
async def test_jobs_are_placed_one_after_another_and_told_why_they_wait(bus: Bus) -> None:
    first, second = await submit(bus, devices=8), await submit(bus, devices=8)
    await explained(bus, first, "no_nodes")
    here = Node(bus, v100=8)
    await here.report()
    view = await reaches(bus, first, JobStatus.SCHEDULING)
    assert view.state.allocation is not None
    assert view.state.allocation.shares[0].devices == tuple(range(8))
    waits = await explained(bus, second, "waiting_for_devices")
    assert "Waits for 8 v100: 0 are free, 8 are held by 1 job." in waits.message
    assert (await explained(bus, first, "starting")).details["node"] == "a"
    await here.start(view)
    await here.finish(await reaches(bus, first, JobStatus.RUNNING))
    await reaches(bus, second, JobStatus.SCHEDULING)
    assert await reason_of(bus, first) is None


@pytest.mark.usefixtures("both")
async def test_room_is_made_for_a_higher_priority_and_kept_for_it(bus: Bus) -> None:
    here = Node(bus, v100=4)
    await here.report()
    low = await submit(bus, devices=4, preemptible=True)
    await here.start(await reaches(bus, low, JobStatus.SCHEDULING))
    await reaches(bus, low, JobStatus.RUNNING)
    high = await submit(bus, devices=2, priority=500)
    thief = await submit(bus, devices=4, priority=200)
    leaving = await reaches(bus, low, JobStatus.PAUSING)
    assert leaving.state.then is JobStatus.QUEUED
    assert (await explained(bus, high, "making_room")).details["victims"] == [low]
    await here.stopped(leaving)
    await reaches(bus, high, JobStatus.SCHEDULING)
    await reaches(bus, low, JobStatus.QUEUED)
    await explained(bus, thief, "waiting_for_devices")
    assert (await explained(bus, low, "waiting_for_devices")).details["position"] == 2


@pytest.mark.usefixtures("both")
async def test_a_busy_device_is_left_alone_for_a_time(bus: Bus) -> None:
    here = Node(bus, v100=2)
    await here.report()
    id = await submit(bus, devices=1)
    refused = await reaches(bus, id, JobStatus.SCHEDULING)
    await here.refuse(refused)

    async def moved() -> bool:
        view = await view_of(bus, id)
        return view.state.attempt == 2 and view.state.status is JobStatus.SCHEDULING

    await until(moved, "it is placed elsewhere")
    allocation = (await view_of(bus, id)).state.allocation
    assert allocation is not None and allocation.shares[0].devices == (1,)


@pytest.mark.usefixtures("both")
async def test_a_changed_priority_changes_the_order(bus: Bus) -> None:
    here = Node(bus, v100=1)
    await here.report()
    first = await submit(bus, devices=1)
    running = await reaches(bus, first, JobStatus.SCHEDULING)
    second, third = await submit(bus, devices=1), await submit(bus, devices=1)
    await bus.ask(SET_PRIORITY, SetPriority(id=third, actor=ADA, priority=101))

    async def ahead() -> bool:
        reason = await reason_of(bus, third)
        return reason is not None and reason.details.get("position") == 1

    await until(ahead, "the third is first in line")
    await here.start(running)
    await here.finish(running)
    await reaches(bus, third, JobStatus.SCHEDULING)
    assert (await explained(bus, second, "waiting_for_devices")).details["position"] == 1


@pytest.mark.usefixtures("both")
async def test_a_new_server_with_an_empty_bucket_does_not_stop_the_scheduler(bus: Bus, nats: NatsServer) -> None:
    here = Node(bus, v100=1)
    await here.report()
    first = await submit(bus, devices=1)
    running = await reaches(bus, first, JobStatus.SCHEDULING)
    await asyncio.to_thread(nats.restart)
    await until(lambda: bus.connected, "connected again")
    await here.start(running)
    await here.finish(running)
    await reaches(bus, first, JobStatus.FINISHED)

    async def reported() -> bool:
        try:
            await here.report()
        except NatsError:
            return False
        return True

    await until(reported, "the bucket is back")
    second = await submit(bus, devices=1)
    await reaches(bus, second, JobStatus.SCHEDULING)


# --- several schedulers


@contextmanager
def scheduler(settings: PlatformSettings, log: Path, term_s: float = 5.0) -> Iterator[subprocess.Popen[bytes]]:
    """A scheduler as its own process."""
    environment = os.environ | {
        "JOBYARD_DATA": str(settings.data),
        "JOBYARD_NATS_URL": settings.nats_url,
        "JOBYARD_LOG_FORMAT": "json",
        "JOBYARD_SCHEDULER_TERM_S": str(term_s),
    }
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.scheduler"], cwd=CHECKOUT, env=environment, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def leads(log: Path, times: int = 1) -> None:
    await until(lambda: log.exists() and log.read_text().count('"leading"') >= times, f"{log.name} leads")


@pytest.mark.usefixtures("jobs")
async def test_after_a_kill_the_next_scheduler_does_not_wait_for_the_term_and_knows_everything(
    bus: Bus, settings: PlatformSettings, tmp_path: Path
) -> None:
    here = Node(bus, v100=2)
    await here.report()
    with scheduler(settings, tmp_path / "one", term_s=600):
        first = await submit(bus, devices=1)
        await reaches(bus, first, JobStatus.SCHEDULING)
    waiting = await submit(bus, devices=1)
    with scheduler(settings, tmp_path / "two", term_s=600):
        view = await reaches(bus, waiting, JobStatus.SCHEDULING)
        assert view.state.allocation is not None and view.state.allocation.shares[0].devices == (1,)


@pytest.mark.usefixtures("jobs")
async def test_a_paused_leader_that_wakes_late_changes_nothing(
    bus: Bus, settings: PlatformSettings, tmp_path: Path
) -> None:
    here = Node(bus, v100=3)
    await here.report()
    one, two = tmp_path / "one", tmp_path / "two"
    with scheduler(settings, one) as leader:
        await leads(one)
        first = await submit(bus, devices=1)
        await reaches(bus, first, JobStatus.SCHEDULING)
        with scheduler(settings, two):
            os.kill(leader.pid, signal.SIGSTOP)
            second = await submit(bus, devices=1)
            await here.report()
            await leads(two)
            assert (await reaches(bus, second, JobStatus.SCHEDULING)).state.attempt == 1
            os.kill(leader.pid, signal.SIGCONT)
            await until(lambda: '"lead_lost"' in one.read_text(), "the first knows that it does not lead")
            third = await submit(bus, devices=1)
            await reaches(bus, third, JobStatus.SCHEDULING)
            devices = [(await view_of(bus, id)).state.allocation for id in (first, second, third)]
            assert sorted(share.devices for held in devices if held for share in held.shares) == [(0,), (1,), (2,)]


@pytest.mark.usefixtures("both")
async def test_a_pause_or_kill_of_a_waiting_job_takes_it_out_of_the_queue(bus: Bus) -> None:
    here = Node(bus, v100=1)
    await here.report()
    await reaches(bus, await submit(bus, devices=1), JobStatus.SCHEDULING)
    paused, killed, waits = [await submit(bus, devices=1) for _ in range(3)]
    await bus.ask(PAUSE, ChangeJob(id=paused, actor=ADA))
    await bus.ask(KILL, ChangeJob(id=killed, actor=ADA))

    async def alone() -> bool:
        items = (await bus.ask(EXPLAIN, ExplainJobs(ids=(paused, killed, waits)))).items
        return [(item.id, item.reason.details["position"]) for item in items] == [(waits, 1)]

    await until(alone, "only the third waits, and is the first in line")


async def test_of_two_schedulers_the_leader_alone_speaks_of_the_yard_and_then_the_next(
    jobs: None, bus: Bus, settings: PlatformSettings
) -> None:
    await Node(bus, v100=8).report()
    ports = [free_port(), free_port()]
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client, AsyncExitStack() as all_of_them:
        schedulers = {port: await all_of_them.enter_async_context(measured(settings, port)) for port in ports}

        async def only_one_leads() -> bool:
            texts = [(await client.get(f"http://127.0.0.1:{port}/metrics")).text for port in schedulers]
            leaders = [port for port, text in zip(schedulers, texts, strict=True) if LEADS in text]
            speakers = [port for port, text in zip(schedulers, texts, strict=True) if SPEAKS in text]
            assert set(speakers) <= set(leaders)
            found[:] = speakers
            return len(speakers) == len(leaders) == 1

        found: list[int] = []
        await until(only_one_leads, "one leads")
        first = found[0]
        await schedulers.pop(first).aclose()
        await until(only_one_leads, "the other leads")
        assert found[0] != first


LEADS, SPEAKS = "jobyard_scheduler_leader 1.0", "jobyard_devices{"


@asynccontextmanager
async def measured(settings: PlatformSettings, port: int) -> AsyncIterator[AsyncExitStack]:
    """A scheduler that tells Prometheus of itself there, until its stack is closed."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serving([build_scheduler], settings.model_copy(update={"health_port": port})))
        yield stack
