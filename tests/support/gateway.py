"""The gateway's application over a double of the other services, in memory: for unit tests of what HTTP says."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import httpx

from services.gateway.accounts import AccountDocument, Accounts
from services.gateway.app import parts_from
from services.gateway.application import application
from services.gateway.domain.access import Caller, Role
from services.gateway.keyfile import KeyFile
from services.gateway.keys import Keys
from services.gateway.live import Live
from services.gateway.oidc.settings import OidcSettings
from services.gateway.parts import Parts
from services.gateway.people import People, people_from
from services.gateway.secrets import Secrets
from services.gateway.settings import GatewaySettings
from shared.bus.bus import Bus
from shared.contracts.commands.command import Command
from shared.contracts.commands.jobs import GET, VIEWS, GetJob, GetJobViews, JobViews
from shared.contracts.commands.lists import LIST, JobPage, ListJobs
from shared.contracts.commands.submission import SUBMIT, NewJob, SubmitJobs, SubmitOutcomes, Submitted
from shared.contracts.errors import Conflict, NotFound, Unavailable
from shared.contracts.job import Allocation, Job, JobRequest, JobState, JobStatus, JobView, Share
from shared.ids import new_id
from shared.runtime import Deps
from shared.settings import PlatformSettings
from shared.store.sqlite import SqliteStore
from tests.support.clock import ManualClock

HOST = "127.0.0.1:8080"
START = datetime(2026, 1, 1, tzinfo=UTC)


def caller(name: str, *, admin: bool = False, vcs: tuple[str, ...] = ("default",)) -> Caller:
    """Somebody who is asking."""
    return Caller(name, admin, dict.fromkeys(vcs, Role.MEMBER))


def stored_job(new: NewJob, **changes: Any) -> Job:
    """The job that the jobs service would make of a submission."""
    request = {name: getattr(new.request, name) for name in JobRequest.model_fields}
    fields = {
        "id": new.id,
        "owner": new.owner,
        "devices_total": new.request.devices * new.request.nodes,
        "status": JobStatus.QUEUED,
        "reason": None,
        "submitted_at": START,
        "started_at": None,
        "finished_at": None,
        "exit_code": None,
        "attempt": 0,
        "version": 1,
        "secrets": new.request.secrets,
        "run_image": new.run_image,
    }
    return Job(**(request | fields | changes))


def view_of(job: Job, node: str | None) -> JobView:
    """The job as services see it, with its place on a node."""
    allocation = Allocation(shares=(Share(node=node),)) if node is not None else None
    known = {name: getattr(job, name) for name in JobView.model_fields if hasattr(job, name)}
    state = JobState(status=job.status, priority=job.priority, allocation=allocation)
    return JobView(**known, state=state)


@dataclass
class DoubleBus(Bus):
    """Answers commands from memory. `answers` adds to or replaces them; what is asked is kept in `asked`."""

    jobs: dict[str, Job] = field(default_factory=dict)
    keys: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    answers: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    asked: list[Any] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)
    """The nodes of jobs that hold a place."""

    async def ask(self, command: Command[Any, Any], ask: Any, timeout: float = 5.0) -> Any:
        """As through the wire: what is asked and answered becomes JSON and back."""
        received = command.ask.model_validate_json(ask.model_dump_json())
        self.asked.append(received)
        known: dict[str, Callable[[Any], Any]] = {
            SUBMIT.subject: self._submit,
            GET.subject: self._get,
            LIST.subject: self._list,
            VIEWS.subject: self._views,
        }
        answer = (known | self.answers).get(command.subject)
        if answer is None:
            raise Unavailable(f"The {command.owner} service does not answer. Try again in a moment.")
        return command.answer.model_validate_json(answer(received).model_dump_json())

    def _submit(self, ask: SubmitJobs) -> SubmitOutcomes:
        return SubmitOutcomes(outcomes=tuple(self._store(new, ask.with_jobs) for new in ask.jobs))

    def _store(self, new: NewJob, with_jobs: bool) -> Submitted:
        known = self.keys.get(new.idempotency_key or "")
        if known is not None and known[1] != new.fingerprint:
            return Submitted(refusal=Conflict("The Idempotency-Key was used for another request.").body())
        id = known[0] if known else new.id
        self.jobs.setdefault(id, stored_job(new))
        if new.idempotency_key:
            self.keys[new.idempotency_key] = (id, new.fingerprint)
        return Submitted(id=id, replayed=known is not None, job=self.jobs[id] if with_jobs else None)

    def _get(self, ask: GetJob) -> Job:
        if ask.id not in self.jobs:
            raise NotFound(f"There is no job {ask.id}.")
        return self.jobs[ask.id]

    def _views(self, ask: GetJobViews) -> JobViews:
        found = [self.jobs[id] for id in ask.ids if id in self.jobs]
        return JobViews(items=tuple(view_of(job, self.places.get(job.id)) for job in found))

    def _list(self, ask: ListJobs) -> JobPage:
        chosen = [
            job
            for job in reversed(self.jobs.values())
            if ask.owner in (None, job.owner)
            and (ask.vcs is None or job.vc in ask.vcs)
            and (not ask.statuses or job.status in ask.statuses)
            and ask.device_type in (None, job.device_type)
            and ask.preemptible in (None, job.preemptible)
            and (ask.submitted_after is None or job.submitted_at >= ask.submitted_after)
            and (ask.submitted_before is None or job.submitted_at < ask.submitted_before)
            and (ask.finished_after is None or (job.finished_at is not None and job.finished_at >= ask.finished_after))
            and (ask.finished_before is None or (job.finished_at is not None and job.finished_at < ask.finished_before))
            and (ask.q is None or job.id == ask.q.upper() or job.name.startswith(ask.q))
            and ask.labels.items() <= job.labels.items()
        ]
        word = ask.cursor or "0"
        back, place, size = word.startswith("<"), int(word.removeprefix("<")), min(ask.limit, 3)
        begin, end = (max(0, place - size), place) if back else (place, place + size)
        return JobPage(
            items=tuple(chosen[begin:end]),
            next_cursor=str(end) if end < len(chosen) else None,
            prev_cursor=f"<{begin}" if begin and ask.cursor else None,
            back=back,
            total=len(chosen) if ask.with_total else None,
        )


@dataclass
class Gateway:
    """A running application, and what a test looks at."""

    bus: DoubleBus
    clock: ManualClock
    parts: Parts
    people: People
    store: SqliteStore
    http: httpx.AsyncClient
    data: Path

    @property
    def accounts(self) -> Accounts:
        return self.people.accounts

    @property
    def keys(self) -> Keys:
        return self.people.keys

    def token(self, name: str = "admin") -> dict[str, str]:
        """A header with a token of this account."""
        return {"Authorization": f"Bearer {self.parts.tokens.issue(name)}"}

    async def call(self, method: str, path: str, name: str = "admin", **arguments: Any) -> httpx.Response:
        """A request in the name of an account."""
        headers = self.token(name) | arguments.pop("headers", {})
        return await self.http.request(method, f"/api/v1{path}", headers=headers, **arguments)

    async def add_account(self, name: str, vcs: tuple[str, ...] | dict[str, Role] = ("default",)) -> None:
        """Somebody who is no administrator; VCs without a role make a member."""
        roles = vcs if isinstance(vcs, dict) else dict.fromkeys(vcs, Role.MEMBER)
        await self.accounts.documents.insert(AccountDocument(id=name, vcs=roles, created_at=START))


def add_job(yard: Gateway, owner: str = "admin", vc: str = "default", **changes: Any) -> Job:
    """A job that the jobs service has."""
    request = JobRequest(name="j", command="true", vc=vc, env={"TOKEN": "secret"})
    job = stored_job(NewJob(id=new_id(), owner=owner, request=request), **changes)
    yard.bus.jobs[job.id] = job
    return job


@asynccontextmanager
async def gateway(
    folder: Path, prometheus_url: str | None = None, oidc: OidcSettings | None = None, **settings: Any
) -> AsyncGenerator[Gateway, None]:
    """The application, started, with a client whose Host is one of its own. It has a console where a test gives one."""
    clock, bus = ManualClock(START), DoubleBus()
    chosen = GatewaySettings(**({"console": folder / "no-console"} | settings))
    deps = Deps(bus, clock, PlatformSettings(data=folder, prometheus_url=prometheus_url))
    store = cast(SqliteStore, deps.open_store("gateway"))
    people = people_from(deps, store, chosen, oidc or OidcSettings())
    secrets = Secrets(store, clock, people.audit, KeyFile(chosen, folder))
    parts = parts_from(deps, chosen, people, secrets, Live(bus))
    await store.open()
    try:
        await people.start()
        await secrets.start()
        await parts.site.read()
        app = application(parts, people.identity.of, people.passed_on)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as http:
            yield Gateway(bus, clock, parts, people, store, http, folder)
    finally:
        await people.issuer.close()
        await parts.querying.prometheus.close()
        await parts.grafana.close()
        await store.close()
