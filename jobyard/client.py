"""The Python client: submit jobs, watch them, act on them.

from jobyard import Client

with Client() as yard:
    job = yard.submit(name="hello", command="echo hello")
    print(yard.wait(job.id).status)
"""

import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypedDict, TypeVar, Unpack
from urllib.parse import quote

from pydantic import BaseModel

from jobyard.credentials import LoginFile, resolve_url
from jobyard.endpoints import Endpoints
from jobyard.errors import TooMany, Unavailable, WaitTimeout
from jobyard.follow import PATIENCE_S, follow
from jobyard.models import (
    Changes,
    Job,
    JobAction,
    JobEvent,
    JobEvents,
    JobFilter,
    JobPage,
    JobRequest,
    JobStatus,
    LogGap,
    LogLine,
    LogTail,
    Me,
    Notification,
    Notifications,
    Outcome,
    Outcomes,
    Secret,
    Secrets,
    SupportCase,
    SupportCases,
    Validated,
    WebhookSecret,
)
from jobyard.people import People
from jobyard.signin import SignIn
from jobyard.transport import Backoff, Params, Transport, parameters
from jobyard.usage import Usage

if TYPE_CHECKING:
    from jobyard.tunnel import Tunnels

API = "/api/v1"
TERMINAL = frozenset({JobStatus.FINISHED, JobStatus.FAILED, JobStatus.ERROR, JobStatus.KILLED})
"""A status that never changes again."""

LINES_KEPT = 2000
FIRST_POLL_S = 0.05
LONGEST_POLL_S = 1.0


class Conditions(TypedDict, total=False):
    """Which jobs a list holds; all of them have to be met.

    scope: "mine" (every status, newest first), or "all" (everybody's that wait, in the order of the queue).
    q: a job's id, or the beginning of its name. sort: a column, `-` before it for downwards, for example "-priority".
    """

    scope: Literal["mine", "all"]
    status: Iterable[JobStatus | str]
    vc: str | None
    owner: str | None
    device_type: str | None
    preemptible: bool | None
    labels: Mapping[str, str]
    submitted_after: datetime | None
    submitted_before: datetime | None
    q: str | None
    sort: str | None


Model = TypeVar("Model", bound=BaseModel)
Request = JobRequest | Mapping[str, Any]


class Client:
    """One platform, as one person. Every method raises a subclass of JobyardError. Not for several threads at once.

    base_url: else `JOBYARD_URL`, the saved login, http://127.0.0.1:8080.
    token: else `JOBYARD_TOKEN`, the saved login, and on the same machine the admin password in `JOBYARD_DATA`.
    timeout: seconds to wait for an answer. retry_for: seconds to go on trying when a repetition is safe.
    connect_for: the same while nothing answers at the address at all; by default as long as retry_for.
    remember: save a token that was got from the admin password, for the next Client.
    """

    def __init__(
        self,
        base_url: str | None = None,
        token: str | None = None,
        *,
        timeout: float = 30.0,
        retry_for: float = 15.0,
        connect_for: float | None = None,
        remember: bool = False,
    ) -> None:
        logins = LoginFile()
        self.base_url = resolve_url(base_url, logins)
        sign_in = SignIn(self.base_url, token, logins, remember=remember)
        self._transport = Transport(
            self.base_url,
            sign_in,
            timeout=timeout,
            retry_for=retry_for,
            connect_for=retry_for if connect_for is None else connect_for,
        )
        self.people = People(self._transport)
        self.endpoints = Endpoints(self._transport)
        self.usage = Usage(self._transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    @property
    def tunnels(self) -> "Tunnels":
        """Sessions in running jobs, and connections to their ports."""
        from jobyard.tunnel import Tunnels

        return Tunnels(self._transport)

    def me(self) -> Me:
        """Who is asking, as the platform sees it."""
        return self._read(Me, f"{API}/me")

    # --- submit

    def submit(self, request: Request | None = None, /, *, idempotency_key: str | None = None, **fields: Any) -> Job:
        """Submit one job: `submit(name="hello", command="echo hello")`; the fields are those of `JobRequest`.

        A connection that breaks is tried again without making a second job. With your own `idempotency_key`, the
        same submission answers with the same job for 24 h. Raises Invalid (its `errors` name the fields).
        """
        key = idempotency_key or str(uuid.uuid4())
        body = {**_as_fields(request or {}), **fields}
        response = self._transport.request("POST", f"{API}/jobs", body=body, headers={"Idempotency-Key": key})
        return self._parsed(Job, response.content)

    def validate(self, request: Request | None = None, /, **fields: Any) -> Validated:
        """The job as `submit` would store it, with warnings; nothing is stored. Raises what `submit` would raise."""
        body = {**_as_fields(request or {}), **fields}
        return self._parsed(Validated, self._transport.request("POST", f"{API}/jobs:validate", body=body).content)

    def submit_batch(self, requests: Iterable[Request], *, idempotency_key: str | None = None) -> list[Outcome]:
        """Submit up to 1,000 jobs at once. Each outcome, in order, has the new job's id or the problem with it."""
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        body = {"jobs": [_as_fields(request) for request in requests]}
        response = self._transport.request("POST", f"{API}/jobs:submit-batch", body=body, headers=headers)
        return self._parsed(Outcomes, response.content).outcomes

    # --- look

    def get(self, job_id: str) -> Job:
        """One job. Raises NotFound."""
        return self._read(Job, _path(job_id))

    def jobs(self, *, page_size: int = 100, **conditions: Unpack[Conditions]) -> Iterator[Job]:
        """My jobs, newest first, fetched page by page; with `scope="all"` everybody's that wait, as the queue is."""
        cursor: str | None = None
        while True:
            page = self.job_page(limit=page_size, cursor=cursor, **conditions)
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def job_page(self, *, limit: int = 50, cursor: str | None = None, **conditions: Unpack[Conditions]) -> JobPage:
        """One page of such a list; `total` counts them all. It may be short where few jobs of a long list match."""
        params = parameters(
            scope=conditions.get("scope", "mine"),
            status=",".join(str(item) for item in conditions.get("status") or ()) or None,
            vc=conditions.get("vc"),
            owner=conditions.get("owner"),
            device_type=conditions.get("device_type"),
            preemptible=conditions.get("preemptible"),
            label=[f"{key}={value}" for key, value in (conditions.get("labels") or {}).items()] or None,
            submitted_after=_moment(conditions.get("submitted_after")),
            submitted_before=_moment(conditions.get("submitted_before")),
            q=conditions.get("q"),
            sort=conditions.get("sort"),
            limit=limit,
            cursor=cursor,
        )
        return self._read(JobPage, f"{API}/jobs", params)

    def events(self, job_id: str) -> list[JobEvent]:
        """Everything that happened to a job, in order, as CloudEvents."""
        return self._read(JobEvents, _path(job_id, "events")).items

    def logs(self, job_id: str, tail: int = LINES_KEPT) -> LogTail:
        """The last lines of a job's console (at most 2,000), and where lines are missing."""
        return self._read(LogTail, _path(job_id, "logs"), {"tail": tail})

    def download_log(self, job_id: str, attempt: int | None = None) -> Iterator[bytes]:
        """An attempt's whole output (the last one's), piece by piece. Raises NotFound when its node has it no more."""
        headers, params = {"Accept": "text/plain"}, parameters(attempt=attempt)
        with self._transport.stream(_path(job_id, "logs/download"), params=params, headers=headers) as response:
            yield from response.iter_bytes()

    # --- follow

    def follow_logs(self, job_id: str, tail: int = LINES_KEPT) -> Iterator[LogLine | LogGap]:
        """The console's last lines and then each new one, until the job is over. Outlives a broken connection."""
        last = (0, 0)
        for event in follow(self._transport, _path(job_id, "logs/follow"), {"tail": tail}):
            for item in in_order(self._parsed(LogTail, event.data)):
                # After a break the platform may begin again with the tail: what was seen is not shown twice.
                place = (item.after_seq, 1) if isinstance(item, LogGap) else (item.seq, 0)
                if place > last:
                    last = place
                    yield item

    def follow_events(self, job_id: str | None = None) -> Iterator[JobEvent]:
        """The events of all jobs that I may see, from now on; of one job, from its first and until it is over.

        Outlives a broken connection. Raises NotFound.
        """
        path = f"{API}/events"
        if job_id is None:
            for event in follow(self._transport, path, {}):
                yield self._parsed(JobEvent, event.data)
            return
        version = 0
        for past in self.events(job_id):
            version = past.data.job.version
            yield past
            if past.data.job.state.status in TERMINAL:
                return
        for event in follow(self._transport, path, {"job_id": job_id}, last_id="0"):
            found = self._parsed(JobEvent, event.data)
            if found.data.job.version > version:
                version = found.data.job.version
                yield found
                if found.data.job.state.status in TERMINAL:
                    return

    # --- act

    def pause(self, job_id: str) -> Job:
        """Stop it with its grace period and keep it for later. Raises Conflict when that makes no sense now."""
        return self._act(job_id, "pause")

    def resume(self, job_id: str) -> Job:
        """Queue a paused job again. Raises Conflict when it is not paused."""
        return self._act(job_id, "resume")

    def kill(self, job_id: str) -> Job:
        """End it for good. Raises Conflict when it is over already."""
        return self._act(job_id, "kill")

    def set_priority(self, job_id: str, priority: int) -> Job:
        """Change its place in the queue: 1 to 1000, higher runs first. Raises Conflict once it runs."""
        response = self._transport.request("PATCH", _path(job_id), body={"priority": priority})
        return self._parsed(Job, response.content)

    def change_many(
        self,
        action: JobAction | str,
        ids: Sequence[str] = (),
        *,
        filter: JobFilter | Mapping[str, Any] | None = None,
        priority: int | None = None,
        cursor: str | None = None,
        dry_run: bool = False,
    ) -> Changes:
        """Pause, resume, kill or move up to 1,000 jobs in one call: those with these ids, or those that a filter means.

        Each job has an outcome of its own. A filter may mean more: the answer's `next_cursor` goes on. With `dry_run`
        the jobs of a filter are named and none is changed. Raises Invalid.
        """
        body: dict[str, Any] = {"action": str(action)}
        if filter is not None:
            chosen = filter.model_dump(mode="json", exclude_unset=True) if isinstance(filter, JobFilter) else filter
            body |= {"filter": chosen, "dry_run": dry_run} | ({"cursor": cursor} if cursor else {})
        else:
            body["ids"] = list(ids)
        if priority is not None:
            body["priority"] = priority
        # As with a single job, a resume is not sent twice.
        response = self._transport.request("POST", f"{API}/jobs:batch", body=body, repeatable=action != "resume")
        return self._parsed(Changes, response.content)

    def request_support(
        self,
        job_id: str,
        subject: str,
        message: str,
        *,
        include_logs: bool = True,
        idempotency_key: str | None = None,
    ) -> SupportCase:
        """Ask the operators for help with a job; its description, history and last lines go with the question."""
        body = {"subject": subject, "message": message, "include_logs": include_logs}
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        response = self._transport.request("POST", _path(job_id, "support"), body=body, headers=headers)
        return self._parsed(SupportCase, response.content)

    def support_cases(self, job_id: str) -> list[SupportCase]:
        """What was asked about a job, the newest first, and whether the operators have it."""
        return self._read(SupportCases, _path(job_id, "support")).items

    def notifications(self, job_id: str) -> list[Notification]:
        """Who was told what about a job, the newest first, and whether it arrived."""
        return self._read(Notifications, _path(job_id, "notifications")).items

    def webhook_secret(self) -> WebhookSecret:
        """What the webhooks of my jobs are signed with, by the scheme of Standard Webhooks."""
        return self._read(WebhookSecret, f"{API}/me/webhook-secret")

    def wait(
        self,
        job_id: str,
        until: Iterable[JobStatus | str] = TERMINAL,
        timeout: float | None = None,
        on_change: Callable[[Job], None] | None = None,
    ) -> Job:
        """The job as soon as its status is one of `until`, or is final (it can't get there any more then).

        timeout: seconds, then WaitTimeout. on_change: called with the job whenever it has changed.
        """
        wanted = {JobStatus(status) for status in until} | TERMINAL
        deadline = None if timeout is None else time.monotonic() + timeout
        seen, pause = -1, FIRST_POLL_S
        patience = Backoff(PATIENCE_S)
        while True:
            try:
                job = self.get(job_id)
            except (Unavailable, TooMany):  # the job goes on while the platform is started again
                if not patience.pause():
                    raise
                continue
            patience.reset()
            if job.version != seen:
                seen, pause = job.version, FIRST_POLL_S
                if on_change is not None:
                    on_change(job)
            if job.status in wanted:
                return job
            left = LONGEST_POLL_S if deadline is None else deadline - time.monotonic()
            if left <= 0:
                raise WaitTimeout(f"Job {job.id} is still {job.status} after {timeout:.1f} s{_doing(job)}.")
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, LONGEST_POLL_S)

    # --- secrets

    def secrets(self, vc: str | None = None) -> list[Secret]:
        """My secrets, or those of a virtual cluster, by name. Nobody is shown their values."""
        return self._read(Secrets, _secrets_path(vc)).items

    def set_secret(self, name: str, value: str, vc: str | None = None) -> Secret:
        """Keep a value that jobs name as `env={"VARIABLE": {"secret": name}}`. Raises Forbidden for somebody else's."""
        response = self._transport.request("PUT", _secrets_path(vc, name), body={"value": value})
        return self._parsed(Secret, response.content)

    def remove_secret(self, name: str, vc: str | None = None) -> None:
        """Jobs that name it and have not started will not start. Raises NotFound."""
        self._transport.request("DELETE", _secrets_path(vc, name), repeatable=False)

    # --- inside

    def _act(self, job_id: str, action: str) -> Job:
        # A second resume would be refused once the job runs again, so it is not repeated when its answer was lost.
        response = self._transport.request("POST", _path(job_id, action), repeatable=action != "resume")
        return self._parsed(Job, response.content)

    def _read(self, model: type[Model], path: str, params: Params | None = None) -> Model:
        return self._parsed(model, self._transport.get(path, params).content)

    def _parsed(self, model: type[Model], content: bytes | str) -> Model:
        return self._transport.parsed(model, content)


def _doing(job: Job) -> str:
    """What it waits for, or since when it runs; a moment is written as in the platform's own sentences."""
    if job.reason is not None:
        return f": {job.reason.message.removesuffix('.')}"
    if job.started_at is not None:
        return f": attempt {job.attempt} has been running since {job.started_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return ""


def in_order(page: LogTail) -> Iterator[LogLine | LogGap]:
    """A page's lines, with each gap where its lines are missing."""
    gaps = sorted(page.gaps, key=lambda gap: gap.after_seq)
    for line in page.lines:
        while gaps and gaps[0].after_seq < line.seq:
            yield gaps.pop(0)
        yield line
    yield from gaps


def _moment(moment: datetime | None) -> str | None:
    """In UTC, as the API takes it; without a time zone it is this machine's time."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _path(job_id: str, rest: str = "") -> str:
    path = f"{API}/jobs/{quote(job_id, safe='')}"
    return f"{path}/{rest}" if rest else path


def _secrets_path(vc: str | None, name: str | None = None) -> str:
    holder = "me" if vc is None else f"vcs/{quote(vc, safe='')}"
    path = f"{API}/{holder}/secrets"
    return path if name is None else f"{path}/{quote(name, safe='')}"


def _as_fields(request: Request) -> dict[str, Any]:
    if isinstance(request, JobRequest):
        return request.model_dump(mode="json", exclude_unset=True)
    return dict(request)
