"""The executor as a process of its own, and the platform around it as a test plays it: the jobs service's part."""

import asyncio
import os
import shlex
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from services.executor.domain.record import rank_id, run_id
from services.executor.placed import shares_of
from shared.bus import codec
from shared.bus.bus import Bus, connect
from shared.bus.streams import bootstrap
from shared.contracts import subjects
from shared.contracts.base import Contract
from shared.contracts.commands.jobs import (
    ACTIVE,
    VIEWS,
    ActiveJob,
    ActiveJobPage,
    GetJobViews,
    JobViews,
    ListActiveJobs,
)
from shared.contracts.events import CloudEvent, JobEvent, JobKilled, JobKilling, JobScheduled, RunEvent
from shared.contracts.job import Actor, JobStatus, JobView, LaunchSpec
from shared.contracts.logs import LogChunk
from shared.contracts.metrics import Sample
from shared.ids import new_id
from shared.settings import PlatformSettings
from tests.support.executor import NODE, launch_of, view_of
from tests.support.executor_backend import ProcessHome
from tests.support.freezing import freeze
from tests.support.service_process import ServiceProcess
from tests.support.waiting import until

JOBS = Actor(kind="service", name="jobs")


class ExecutorService(ServiceProcess):
    """Its runs outlive it, but not the test."""

    name = "executor"

    def __init__(
        self, nats_url: str, data: Path, environment: Mapping[str, str] | None = None, **settings: object
    ) -> None:
        """`settings`: JOBYARD_EXECUTOR_... variables, by the rest of their names in lower case."""
        own = {"node": NODE, "simulate": "v100=2", "reconcile_s": 0.2, "report_s": 0.5, "idle_s": 5} | settings
        super().__init__(nats_url, data, **{f"executor_{name}": value for name, value in own.items()})
        self._environment |= environment or {}
        self.home = ProcessHome(data / "executor" / "process")

    def job_path(self, view: JobView) -> Path:
        """Where the job's files are, unless it says otherwise."""
        return self.data / "storage" / "jobs" / view.id

    async def ready(self) -> None:
        """Wait until this start, and every one before, has begun to work."""
        await until(lambda: self.said("ready"), "the executor works")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()
        self.home.kill_all()


class Yard:
    """The platform's part: places and ends jobs, answers what the executor asks, and reads what it has published."""

    def __init__(self, bus: Bus, folder: Path) -> None:
        self.bus = bus
        self._folder = folder
        self._answering: list[Subscription] = []
        self.active: dict[str, ActiveJob] = {}
        """What holds something on the node, as the jobs service would answer."""
        self.overlooked: set[str] = set()
        """Ids of jobs that are left out of the list, as one may be that changes while the list is read."""
        self.lists = 0
        """How many have been asked for."""

    WAIT_FOR_GO = "while [ ! -e go ]; do sleep 0.02; done"

    # --- jobs

    def script(self, text: str) -> tuple[str, ...]:
        """A command that notes its start in `starts`, and then runs the text in the test's folder."""
        note = 'echo "$JOBYARD_RUN_ID" >> starts'
        return ("/bin/sh", "-c", f"cd {shlex.quote(str(self._folder))}; {note}; {text}")

    def go(self) -> None:
        """Let scripts that wait for it (`WAIT_FOR_GO`) go on."""
        self.touch("go")

    def touch(self, name: str) -> None:
        """Make a file in the folder."""
        (self._folder / name).touch()

    def wrote(self, name: str) -> str:
        """What a script has written into this file of the folder; nothing if there is none."""
        path = self._folder / name
        return path.read_text() if path.exists() else ""

    def starts(self, *views: JobView) -> list[int]:
        """How often the current attempt of each job has been started: each of its ranks, one after the other."""
        noted = self.wrote("starts").splitlines()
        runs = [(run_id(view.id, view.state.attempt), rank) for view in views for rank in range(view.nodes)]
        return [noted.count(rank_id(*run)) for run in runs]

    def job(self, text: str = "true", launch: LaunchSpec | None = None, **view: Any) -> ActiveJob:
        """A job that nobody has been told of; it holds its place on the node."""
        job = ActiveJob(view=view_of(new_id(), **view), launch=launch or launch_of(self.script(text)))
        self.active[job.view.id] = job
        return job

    async def place(self, text: str = "true", launch: LaunchSpec | None = None, **view: Any) -> JobView:
        """A job placed on the node."""
        job = self.job(text, launch, **view)
        await self.schedule(job)
        return job.view

    async def schedule(self, job: ActiveJob, delivery: int = 1, at: datetime | None = None) -> None:
        """Tell of the placement; another `delivery` is another message with the same event."""
        assert job.launch is not None
        await self._say(JobScheduled(job=job.view, actor=JOBS, launch=job.launch), delivery, at)

    async def kill(self, view: JobView) -> None:
        """Tell that the job is to end."""
        leaving = self.now(view, JobStatus.KILLING)
        await self._say(JobKilling(job=leaving, actor=JOBS))

    async def over(self, view: JobView) -> None:
        """Tell that the job has been killed, which frees what it held."""
        gone = self.now(view, JobStatus.KILLED)
        del self.active[view.id]
        await self._say(JobKilled(job=gone, actor=JOBS))

    def now(self, view: JobView, status: JobStatus) -> JobView:
        """The job in another status, and not a word to anybody."""
        known = self.active.get(view.id)
        changed = view.model_copy(
            update={"state": view.state.model_copy(update={"status": status}), "version": view.version + 1}
        )
        self.active[view.id] = ActiveJob(view=changed, launch=known.launch if known else None)
        return changed

    async def _say(self, event: JobEvent, delivery: int = 1, at: datetime | None = None) -> None:
        view = event.job
        message = CloudEvent[Any](
            id=f"{view.id}:{view.version}",
            type=f"io.jobyard.job.{event.fact}.v1",
            source="/jobs",
            subject=view.id,
            time=at or datetime.now(UTC),
            jobversion=view.version,
            data=event,
        )
        payload = message.model_dump_json().encode()
        subject = subjects.job_event(event.fact, view.vc, view.id)
        await self.bus.publish_raw(subject, payload, f"{message.id}:{event.fact}:{delivery}")

    # --- what the executor has published

    async def run_events(self, view: JobView) -> list[RunEvent]:
        """Everything that was said of the job's runs, in order."""
        found = [message async for message in self._stored(subjects.EVENTS, f"evt.run.*.v1.*.{view.id}")]
        return [codec.run_event(message.subject or "", message.data or b"").data for message in found]

    async def facts(self, view: JobView) -> list[str]:
        return [event.fact for event in await self.run_events(view)]

    async def ends(self, view: JobView) -> list[str]:
        """The facts but for starts: what starts and ends while nobody looks is told with its end."""
        return [fact for fact in await self.facts(view) if fact != "started"]

    async def said(self, view: JobView, fact: str) -> RunEvent:
        """The event once it has been said."""
        found: list[RunEvent] = []

        async def there() -> bool:
            found[:] = [event for event in await self.run_events(view) if event.fact == fact]
            return bool(found)

        await until(there, f"{view.id} has {fact}")
        return found[0]

    async def samples(self, view: JobView) -> list[Sample]:
        """Of what the job's runs use, in order."""
        return [
            Sample.model_validate_json(message.data or b"")
            async for message in self._stored(subjects.METRICS, subjects.samples_of(view.id))
        ]

    async def console(self, view: JobView, rank: int = 0) -> list[str]:
        """A rank's lines in order: none may be missing, and one that was published twice has to be the same."""
        lines: dict[int, str] = {}
        async for message in self._stored(subjects.LOGS, subjects.log(view.id)):
            chunk = LogChunk.model_validate_json(message.data or b"")
            for line in chunk.lines() if chunk.rank == rank else ():
                assert lines.setdefault(line.seq, line.text) == line.text
        assert sorted(lines) == list(range(1, len(lines) + 1))
        return [lines[seq] for seq in sorted(lines)]

    async def _stored(self, stream: str, subject: str) -> AsyncIterator[RawStreamMsg]:
        sequence = 1
        while True:
            try:
                message = await self.bus.js.get_msg(stream, seq=sequence, subject=subject, next=True)
            except NotFoundError:
                return
            yield message
            sequence = (message.seq or 0) + 1

    # --- what the executor asks

    async def answer(self) -> None:
        for subject, reply in ((ACTIVE.subject, self._active), (VIEWS.subject, self._views)):
            self._answering.append(await self.bus.nats.subscribe(subject, cb=reply))

    async def silent(self) -> None:
        """The jobs service is away."""
        while self._answering:
            await self._answering.pop().unsubscribe()

    async def _active(self, message: Msg) -> None:
        ask = ListActiveJobs.model_validate_json(message.data)
        here = sorted(id for id, job in self.active.items() if ask.node is None or shares_of(job.view, ask.node))
        here = [id for id in here if id not in self.overlooked]
        self.lists += 1
        later = [id for id in here if ask.after_id is None or id > ask.after_id]
        items = tuple(self.active[id] for id in later[: ask.limit])
        await self._reply(message, ActiveJobPage(items=items, more=len(later) > ask.limit))

    async def _views(self, message: Msg) -> None:
        ids = GetJobViews.model_validate_json(message.data).ids
        await self._reply(message, JobViews(items=tuple(self.active[id].view for id in ids if id in self.active)))

    async def _reply(self, message: Msg, answer: Contract) -> None:
        await message.respond(answer.model_dump_json().encode())


@asynccontextmanager
async def yard_at(settings: PlatformSettings, folder: Path) -> AsyncIterator[Yard]:
    """A platform without jobs, answering. Scripts of its jobs run in the folder."""
    async with connect(settings.nats_url, "test") as bus:
        await bootstrap(bus.js, settings)
        yard = Yard(bus, folder)
        await yard.answer()
        yield yard


async def at_once(condition: Callable[[], object]) -> None:
    """Return the moment that the condition holds, for a kill in the middle of what goes on."""
    async with asyncio.timeout(30):
        while True:
            if condition():
                return
            await asyncio.sleep(0)


@contextmanager
def paused(pid: int) -> Iterator[None]:
    """A process that stands still, unless it is gone by the end."""
    freeze(pid)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
