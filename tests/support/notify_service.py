"""Notify services as processes of their own, to be killed, beside a jobs service in this process."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from nats.js.errors import NotFoundError

from services.jobs.app import build as jobs
from shared.bus.bus import Bus, connect
from shared.contracts import subjects
from shared.contracts.commands.command import Answer, Ask, Command
from shared.contracts.commands.health import AskHealth, health_of
from shared.contracts.commands.submission import SUBMIT, NewJob, SubmitJobs
from shared.contracts.commands.support import NOTIFICATIONS, REQUEST_SUPPORT, SUPPORT_CASES
from shared.contracts.errors import Unavailable
from shared.contracts.job import JobRequest
from shared.contracts.notify import ListCases, ListNotifications, Notification, RequestSupport, SupportCase
from shared.ids import new_id
from shared.runtime import serving
from shared.settings import PlatformSettings
from tests.support.mongo import MongoServer
from tests.support.nats import NatsServer
from tests.support.platform import CHECKOUT
from tests.support.waiting import until


class NotifyYard:
    """What a test asks: cases, notifications, events and dead letters."""

    def __init__(self, bus: Bus, settings: PlatformSettings, environment: Mapping[str, str]) -> None:
        self.bus = bus
        self._data = settings.data
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("JOBYARD_")},
            "PYTHONPATH": str(CHECKOUT),
            "JOBYARD_LOG_FORMAT": "json",
            "JOBYARD_DATA": str(settings.data),
            "JOBYARD_NATS_URL": settings.nats_url,
            **({"JOBYARD_MONGO_URL": settings.mongo_url.get_secret_value()} if settings.mongo_url else {}),
            **environment,
        }
        self.processes: list[subprocess.Popen[bytes]] = []

    async def start(self) -> subprocess.Popen[bytes]:
        """One more replica; returns when it works."""
        said = self._data / f"notify-{len(self.processes)}.log"
        with said.open("ab") as log:
            process = subprocess.Popen(  # noqa: ASYNC220  (it returns at once)
                [sys.executable, "-m", "services.notify"], env=self._environment, stdout=log, stderr=log, cwd=CHECKOUT
            )
        self.processes.append(process)
        await until(lambda: '"event": "ready"' in said.read_text(), "it is ready")
        await until(self._ready, "notify answers")
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()

    def close(self) -> None:
        for process in self.processes:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait(60)

    async def submit(self, **request: Any) -> str:
        fields = {"name": "train", "command": "true"} | request
        new = NewJob(id=new_id(), owner="ada", request=JobRequest.model_validate_json(json.dumps(fields)))
        outcomes = await self.bus.ask(SUBMIT, SubmitJobs(jobs=(new,)))
        assert outcomes.outcomes[0].id == new.id
        return new.id

    async def ask(self, job: str, **fields: Any) -> RequestSupport:
        """Ask the operators; what was asked, so that a test can repeat it. There is no logs service to ask here."""
        known = {"case_id": new_id(), "vc": "default", "requester": "ada", "subject": "Help", "message": "It waits."}
        request = RequestSupport(job_id=job, **({"include_logs": False} | known | fields))
        await self._answer(REQUEST_SUPPORT, request)
        return request

    async def case(self, request: RequestSupport) -> SupportCase:
        found = await self._answer(SUPPORT_CASES, ListCases(job_id=request.job_id))
        return next(case for case in found.items if case.id == request.case_id)

    async def status(self, request: RequestSupport) -> str:
        return (await self.case(request)).status.value

    async def told(self, job: str) -> tuple[Notification, ...]:
        return (await self._answer(NOTIFICATIONS, ListNotifications(job_id=job))).items

    async def last(self, stream: str, subject: str) -> tuple[bytes, dict[str, str]] | None:
        """The last message on a subject, with its headers."""
        try:
            message = await self.bus.js.get_last_msg(stream, subject, direct=True)
        except NotFoundError:
            return None
        return message.data or b"", dict(message.headers or {})

    async def count(self, subject: str) -> int:
        info = await self.bus.js.stream_info(subjects.EVENTS, subjects_filter=subject)
        return sum((info.state.subjects or {}).values())

    async def _answer(self, command: Command[Ask, Answer], ask: Ask) -> Answer:
        """What the service says, once it does: whoever was killed a moment ago may be the one that was asked."""
        found: list[Answer] = []

        async def answered() -> bool:
            with suppress(Unavailable):
                found.append(await self.bus.ask(command, ask))
            return bool(found)

        await until(answered, "notify answers")
        return found[0]

    async def _ready(self) -> bool:
        try:
            return (await self.bus.ask(health_of("notify"), AskHealth(), 1.0)).ready
        except Unavailable:
            return False


@asynccontextmanager
async def notify_yard(folder: Path, environment: Mapping[str, str], mongo: bool = False) -> AsyncIterator[NotifyYard]:
    """A broker, a jobs service, and as many notify services as the test starts; on MongoDB they may be several."""
    async with AsyncExitStack() as stack:
        nats = await stack.enter_async_context(NatsServer())
        url = None
        if mongo:
            url = (await stack.enter_async_context(MongoServer())).url
        settings = PlatformSettings.model_validate({"data": folder, "nats_url": nats.url, "mongo_url": url})
        await stack.enter_async_context(serving([jobs], settings))
        bus = await stack.enter_async_context(connect(nats.url, "test"))
        yard = NotifyYard(bus, settings, environment)
        try:
            yield yard
        finally:
            await asyncio.to_thread(yard.close)
