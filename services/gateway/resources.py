"""What the API takes and gives, as models: the OpenAPI document and the client are generated from these.

Requests forbid unknown fields; answers are the contracts themselves, with what only the API adds.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic.json_schema import SkipJsonSchema

from services.gateway.domain.access import Action
from shared.contracts import job as contract
from shared.contracts.base import Contract, JobId, Timestamp, UserName, VcName
from shared.contracts.commands.changes import MANY, JobAction
from shared.contracts.endpoints import ASKED_NAME, NAMES, PORTS
from shared.contracts.errors import FieldError
from shared.contracts.events import CloudEvent, Receipt
from shared.contracts.job import (
    SECRETS,
    Actor,
    EnvName,
    EnvValue,
    JobStatus,
    JobView,
    LabelKey,
    LabelValue,
    LaunchSpec,
    SecretName,
)
from shared.contracts.logs import LogGap, LogLine
from shared.contracts.metrics import JobUsage, RunUsage
from shared.contracts.notify import NOTIFY_ENTRIES, Message, Notify, Subject

BATCH_JOBS = 1000
"""The most jobs that one call may submit."""


class Body(Contract):
    """A request body: strict, and closed to fields that nobody knows."""

    model_config = ConfigDict(extra="forbid")


class Credentials(Body):
    """A local account's name and password."""

    username: Annotated[str, Field(min_length=1, max_length=256)]
    password: Annotated[str, Field(min_length=1, max_length=1024)]


class Token(Contract):
    """What to send as `Authorization: Bearer <access_token>`."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"
    expires_in: Annotated[int, Field(description="Seconds until it stops counting.")]


class SignInMethods(Contract):
    """How people sign in here."""

    password: Annotated[bool, Field(description="With a name and a password, at /api/v1/auth/session.")]
    oidc: Annotated[bool, Field(description="At an OIDC issuer, from /api/v1/auth/oidc/start on.")]
    issuer: Annotated[str | None, Field(description="The address of that issuer.")]


class Session(Contract):
    """Whom the browser is signed in as. What lets it in is a cookie, which no page can read."""

    name: UserName
    expires_in: Annotated[int, Field(description="Seconds until it stops counting.")]


class SecretRef(Body):
    """Stands for a secret's value: the owner's own secret of this name, else that of the job's virtual cluster."""

    secret: SecretName


def _kind_of(value: Any) -> str:
    return "[secret]" if isinstance(value, dict | SecretRef) else "[value]"


EnvEntry = Annotated[
    Annotated[EnvValue, Tag("[value]")] | Annotated[SecretRef, Tag("[secret]")], Discriminator(_kind_of)
]
"""What a variable holds: a text, or the name of a secret, whose value the job's command alone gets to see."""


def _by_name(texts: Iterator[str | SecretRef]) -> Iterator[str]:
    return (text.secret if isinstance(text, SecretRef) else text for text in texts)


def _not_too_many(env: dict[str, str | SecretRef]) -> dict[str, str | SecretRef]:
    if sum(isinstance(entry, SecretRef) for entry in env.values()) > SECRETS:
        raise ValueError(f"must name at most {SECRETS} secrets")
    return env


def _told_in_env(secrets: dict[str, str]) -> dict[str, str]:
    if secrets:
        raise ValueError('are named in env, as {"NAME": {"secret": "its name"}}')
    return secrets


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default")


class JobRequest(contract.JobRequest):
    """What a person submits. Only `name` and `command` are required, and `command` not by a job with endpoints."""

    model_config = ConfigDict(extra="forbid")

    command: Annotated[
        contract.Command,
        Field(
            description="A line for `/bin/sh -c`, or a list of arguments. Not needed with endpoints or ports.",
            json_schema_extra=_without_default,
        ),
    ] = contract.IDLE
    env: Annotated[dict[EnvName, EnvEntry], Field(max_length=256), AfterValidator(_not_too_many)] = Field(  # type: ignore[assignment]
        default_factory=dict
    )
    secrets: SkipJsonSchema[Annotated[dict[str, str], AfterValidator(_told_in_env)]] = Field(default_factory=dict)
    owner: Annotated[UserName | None, Field(description="At most your own name; usually left out.")] = None
    notify: Annotated[
        tuple["NotifyEntry", ...], Field(max_length=NOTIFY_ENTRIES, description="Whom to tell what happens to it.")
    ] = ()

    @model_validator(mode="after")
    def _has_something_to_do(self) -> Self:
        if "command" not in self.model_fields_set and not (self.endpoints or self.interactive_ports):
            raise ValueError("command: is required; only a job with endpoints or interactive_ports needs none")
        return self

    def texts(self) -> Iterator[str]:
        return _by_name(super().texts())


class Batch(Body):
    """Up to 1,000 submissions at once, each accepted or refused for itself."""

    jobs: Annotated[tuple[JobRequest, ...], Field(min_length=1, max_length=BATCH_JOBS)]


class PriorityChange(Body):
    """A job's new priority."""

    priority: Annotated[int, Field(ge=1, le=1000, description="Higher runs first.")]


class JobFilter(Body):
    """Which jobs are meant: those that meet every condition, newest first."""

    scope: Annotated[
        Literal["mine", "all"] | None,
        Field(description="`mine`, the default without `owner`; `all`: what you may act on in your virtual clusters."),
    ] = None
    status: Annotated[
        tuple[JobStatus, ...], Field(max_length=10, description="Default: those in which the action makes sense.")
    ] = ()
    owner: UserName | None = None
    vc: VcName | None = None
    label: Annotated[dict[LabelKey, LabelValue], Field(max_length=64)] = Field(default_factory=dict)
    device_type: Annotated[str | None, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")] = None
    preemptible: bool | None = None
    submitted_after: Annotated[Timestamp | None, Field(description="This moment or later.")] = None
    submitted_before: Annotated[Timestamp | None, Field(description="Earlier than this moment.")] = None
    q: Annotated[
        str | None,
        Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="An id, or the beginning of a name."),
    ] = None


class JobsChange(Body):
    """One wish for many jobs, named by their ids or by a filter."""

    action: JobAction
    ids: Annotated[tuple[JobId, ...] | None, Field(min_length=1, max_length=MANY)] = None
    filter: JobFilter | None = None
    priority: Annotated[int | None, Field(ge=1, le=1000, description="Only with the action `priority`.")] = None
    cursor: Annotated[
        str | None, Field(max_length=512, description="Only with `filter`: `next_cursor` of the answer before.")
    ] = None
    dry_run: Annotated[bool, Field(description="Only with `filter`: name the jobs that are meant, change none.")] = (
        False
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.ids is None) == (self.filter is None):
            raise ValueError("ids: give either ids or a filter")
        if self.ids is not None and len(set(self.ids)) < len(self.ids):
            raise ValueError("ids: must not name a job twice; remove the repetition")
        if self.ids is not None and (self.cursor is not None or self.dry_run):
            raise ValueError("ids: cursor and dry_run belong to a filter; leave them out")
        if (self.action is JobAction.PRIORITY) != (self.priority is not None):
            raise ValueError("priority: is needed by the action 'priority', and taken by no other")
        return self


class SupportRequest(Body):
    """A question to the operators about a job."""

    subject: Subject
    message: Message
    include_logs: Annotated[bool, Field(description="Attach the last lines of the console.")] = True


class NewEndpoint(Body):
    """A way into a job: `ssh`, `jupyter`, `tensorboard`, `port-8080`; or `port` and the number beside it."""

    name: Annotated[str, Field(pattern=ASKED_NAME)]
    port: Annotated[int | None, Field(ge=PORTS[0], le=PORTS[1], description="Only of an interactive port.")] = None
    rank: Annotated[int, Field(ge=0, le=1023, description="Which of the job's nodes it leads to.")] = 0

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        number = int(self.name[5:]) if self.name.startswith("port-") else None
        if number is not None and not PORTS[0] <= number <= PORTS[1]:
            raise ValueError(f"name: must be {NAMES}")
        if self.name == "port" and self.port is None:
            raise ValueError("port: is required with the name 'port'")
        if self.name != "port" and self.port not in (None, number):
            raise ValueError(f"port: must be left out with the name '{self.name}'")
        return self

    @property
    def full_name(self) -> str:
        """The endpoint's own name."""
        return f"port-{self.port}" if self.name == "port" else self.name


class NotifyEntry(Notify):
    """Somebody to tell about a job: a mail address, a webhook, or a service that the operator allowed."""

    model_config = ConfigDict(extra="forbid")


class Job(contract.Job):
    """A whole job, and what the caller may do to it now."""

    env: dict[str, EnvEntry] = Field(default_factory=dict)  # type: ignore[assignment]
    secrets: SkipJsonSchema[dict[str, str]] = Field(default_factory=dict, exclude=True)
    actions: Annotated[tuple[Action, ...], Field(description="What the caller may do to it now.")] = ()
    warnings: Annotated[
        tuple[str, ...], Field(description="Only in the answer to a submission: what will not be as it was asked for.")
    ] = ()
    usage: Annotated[
        JobUsage | None,
        Field(description="What it has used in all, and the last values that it reported, as far as that is known."),
    ] = None

    def texts(self) -> Iterator[str]:
        return _by_name(super().texts())


class Validated(Contract):
    """A submission that would be stored."""

    job: Annotated[Job, Field(description="As it would be; its `id` and times are examples, nothing was stored.")]
    warnings: Annotated[tuple[str, ...], Field(description="What would keep it from running, or be done otherwise.")]


class Checkpoint(Contract):
    """The last checkpoint of a job's present run. `known` false: none is under way, or its node does not say."""

    known: bool
    written_at: Annotated[Timestamp | None, Field(description="None, where it is known: it has written none.")] = None


class JobPage(Contract):
    """Jobs in the order of their list. A page may be shorter than `limit` where few jobs of a long list match."""

    items: tuple[Job, ...]
    total: Annotated[int, Field(description="How many jobs there are on all pages.")]
    total_is: Annotated[
        Literal["exact", "at_least"], Field(description="Counting stops at 10,000, or where no index can count.")
    ]
    next_cursor: Annotated[str | None, Field(description="`cursor` of the next page; null on the last one.")]
    prev_cursor: Annotated[
        str | None,
        Field(description="`cursor` of the page before, which holds just what stands before; null on the first."),
    ] = None


class JobEventData(Contract):
    """The job as it was after the change, and who made it; the other fields belong to some types."""

    model_config = ConfigDict(extra="allow")

    job: JobView
    actor: Actor
    launch: Annotated[LaunchSpec | None, Field(description="Only of `scheduled`.")] = None
    previous: Annotated[int | None, Field(description="Only of `priority_changed`: the former priority.")] = None
    receipt: Annotated[
        Receipt | None, Field(description="Only of `paused` and `preempted`: who stopped it, why, and what was lost.")
    ] = None
    usage: Annotated[
        RunUsage | None,
        Field(description="Only of a change that ended an attempt, and where METRICS may be read: what it has used."),
    ] = None
    lost_since: Annotated[
        Timestamp | None,
        Field(description="Only where the attempt failed or was lost: since when its work is lost with it."),
    ] = None


class JobEvent(CloudEvent[JobEventData]):
    """A change of a job, as a CloudEvent."""


class JobEvents(Contract):
    """Everything that happened to a job, in order."""

    items: tuple[JobEvent, ...]


SECRET_BYTES = 65_536
"""The most that a secret's value takes in UTF-8."""


def _fits_in_an_environment(value: str) -> str:
    if "\0" in value:
        raise ValueError("must not contain a NUL character; remove it, or encode the value")
    if len(value.encode()) > SECRET_BYTES:
        raise ValueError(f"takes more than {SECRET_BYTES} bytes; put it into a file that the job reads")
    return value


class SecretValue(Body):
    """A secret's new value. No answer ever shows it again."""

    value: Annotated[str, Field(min_length=1), AfterValidator(_fits_in_an_environment)] = Field(repr=False)


class Secret(Contract):
    """That there is a secret, and since when. Its value is never shown."""

    name: SecretName
    created_at: Timestamp
    updated_at: Timestamp
    updated_by: UserName


class Secrets(Contract):
    """All secrets of one holder, by name."""

    items: tuple[Secret, ...]


class LogTail(Contract):
    """Lines of a console in order, and where lines are missing."""

    lines: tuple[LogLine, ...]
    gaps: tuple[LogGap, ...]
    skipped: Annotated[
        int,
        Field(ge=0, description="Lines before these that are left out, lost ones among them: with `paced` alone."),
    ] = 0


class Problem(Contract):
    """An RFC 9457 problem: what went wrong, and what to do."""

    model_config = ConfigDict(extra="allow")

    type: Annotated[str, Field(description="`urn:jobyard:problem:<code>`")]
    title: str
    status: int
    detail: Annotated[str, Field(description="A sentence to act on.")]
    code: str
    errors: Annotated[tuple[FieldError, ...], Field(description="The fields that are wrong.")] = ()
    request_id: Annotated[str | None, Field(description="Names this request in the platform's log.")] = None


class Outcome(Contract):
    """What became of one job: a 2xx status and its id, or the problem with it."""

    status: int
    id: JobId | None = None
    problem: Problem | None = None


class Outcomes(Contract):
    """In the order of the submissions."""

    outcomes: tuple[Outcome, ...]


class Changes(Contract):
    """What became of each job, in the order of the ids, or newest first by a filter."""

    outcomes: tuple[Outcome, ...]
    matched: Annotated[int, Field(description="How many jobs this answer is about.")]
    next_cursor: Annotated[
        str | None, Field(description="More jobs may match the filter: send it again with this as its `cursor`.")
    ] = None


class ServiceHealth(Contract):
    """Whether one service can work."""

    ready: bool
    message: str = ""


class Readiness(Contract):
    """Whether the platform can work, and which part keeps it from that."""

    ready: bool
    services: dict[str, ServiceHealth]
