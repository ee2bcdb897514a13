"""What the API takes and gives, as models: the OpenAPI document and the client are generated from these.

Requests forbid unknown fields; answers are the contracts themselves, with what only the API adds.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from services.gateway.domain.access import Action
from shared.contracts import job as contract
from shared.contracts.base import Contract, JobId, UserName
from shared.contracts.errors import FieldError
from shared.contracts.events import CloudEvent
from shared.contracts.job import Actor, JobView, LaunchSpec
from shared.contracts.logs import LogGap, LogLine
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


class Me(Contract):
    """Who is asking, as the platform sees it."""

    name: UserName
    admin: bool
    vcs: Annotated[tuple[str, ...], Field(description="Virtual clusters that this account may submit to.")]


class JobRequest(contract.JobRequest):
    """What a person submits. Only `name` and `command` are required."""

    model_config = ConfigDict(extra="forbid")

    owner: Annotated[UserName | None, Field(description="At most your own name; usually left out.")] = None
    notify: Annotated[
        tuple["NotifyEntry", ...], Field(max_length=NOTIFY_ENTRIES, description="Whom to tell what happens to it.")
    ] = ()


class Batch(Body):
    """Up to 1,000 submissions at once, each accepted or refused for itself."""

    jobs: Annotated[tuple[JobRequest, ...], Field(min_length=1, max_length=BATCH_JOBS)]


class PriorityChange(Body):
    """A job's new priority."""

    priority: Annotated[int, Field(ge=1, le=1000, description="Higher runs first.")]


class SupportRequest(Body):
    """A question to the operators about a job."""

    subject: Subject
    message: Message
    include_logs: Annotated[bool, Field(description="Attach the last lines of the console.")] = True


class NotifyEntry(Notify):
    """Somebody to tell about a job: a mail address, a webhook, or a service that the operator allowed."""

    model_config = ConfigDict(extra="forbid")


class Job(contract.Job):
    """A whole job, and what the caller may do to it now."""

    actions: Annotated[tuple[Action, ...], Field(description="What the caller may do to it now.")] = ()


class JobPage(Contract):
    """Jobs, newest first."""

    items: tuple[Job, ...]
    total: Annotated[int, Field(description="How many jobs there are on all pages.")]
    total_is: Annotated[Literal["exact", "at_least"], Field(description="Counting stops at 10,000.")]
    next_cursor: Annotated[str | None, Field(description="`cursor` of the next page; null on the last one.")]


class JobEventData(Contract):
    """The job as it was after the change, and who made it; `launch` and `previous` belong to some types."""

    model_config = ConfigDict(extra="allow")

    job: JobView
    actor: Actor
    launch: Annotated[LaunchSpec | None, Field(description="Only of `scheduled`.")] = None
    previous: Annotated[int | None, Field(description="Only of `priority_changed`: the former priority.")] = None


class JobEvent(CloudEvent[JobEventData]):
    """A change of a job, as a CloudEvent."""


class JobEvents(Contract):
    """Everything that happened to a job, in order."""

    items: tuple[JobEvent, ...]


class LogTail(Contract):
    """Lines of a console in order, and where lines are missing."""

    lines: tuple[LogLine, ...]
    gaps: tuple[LogGap, ...]


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
    """What became of one submission: 201 and the new job's id, or the problem with it."""

    status: int
    id: JobId | None = None
    problem: Problem | None = None


class Outcomes(Contract):
    """In the order of the submissions."""

    outcomes: tuple[Outcome, ...]


class ServiceHealth(Contract):
    """Whether one service can work."""

    ready: bool
    message: str = ""


class Readiness(Contract):
    """Whether the platform can work, and which part keeps it from that."""

    ready: bool
    services: dict[str, ServiceHealth]
