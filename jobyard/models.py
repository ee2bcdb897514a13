"""The API's models, generated from `docs/openapi.json` by `make docs`; do not edit."""

# ruff: noqa: I001, RUF012

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from jobyard.base import Model
from pydantic import ConfigDict, Field, RootModel


class EndpointsInSubmission(StrEnum):
    SSH = "ssh"
    JUPYTER = "jupyter"
    TENSORBOARD = "tensorboard"


class Action(StrEnum):
    """
    What a caller may do to a job now.
    """

    PAUSE = "pause"
    RESUME = "resume"
    KILL = "kill"
    SUPPORT = "support"


class Kind(StrEnum):
    USER = "user"
    SERVICE = "service"


class Scope(StrEnum):
    """
    What an API token may be used for; who signs in without one may act.
    """

    READ = "read"
    ACT = "act"


class Kind1(StrEnum):
    """
    What is behind the door.
    """

    SSH = "ssh"
    JUPYTER = "jupyter"
    TENSORBOARD = "tensorboard"
    PORT = "port"


class Status(StrEnum):
    """
    Where an endpoint is in its life; the transitions stand in `services/endpoints/domain/machine.py`.
    """

    REQUESTED = "requested"
    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"
    CLOSED = "closed"


class EndpointKind(StrEnum):
    """
    What is behind the door.
    """

    SSH = "ssh"
    JUPYTER = "jupyter"
    TENSORBOARD = "tensorboard"
    PORT = "port"


class EndpointStatus(StrEnum):
    """
    Where an endpoint is in its life; the transitions stand in `services/endpoints/domain/machine.py`.
    """

    REQUESTED = "requested"
    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"
    CLOSED = "closed"


class Labels(RootModel[dict[str, str]]):
    root: dict[str, str]


class Status1(StrEnum):
    """
    Where a job is in its life; the transitions stand in `services/jobs/domain/machine.py`.
    """

    QUEUED = "queued"
    SCHEDULING = "scheduling"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    KILLING = "killing"
    KILLED = "killed"
    FINISHED = "finished"
    FAILED = "failed"
    ERROR = "error"


class JobAction(StrEnum):
    """
    What people do to many jobs at once.
    """

    PAUSE = "pause"
    RESUME = "resume"
    KILL = "kill"
    PRIORITY = "priority"


class Kind2(StrEnum):
    USER = "user"
    SERVICE = "service"


class TotalIs(StrEnum):
    """
    Counting stops at 10,000, or where no index can count.
    """

    EXACT = "exact"
    AT_LEAST = "at_least"


class JobStatus(StrEnum):
    """
    Where a job is in its life; the transitions stand in `services/jobs/domain/machine.py`.
    """

    QUEUED = "queued"
    SCHEDULING = "scheduling"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    KILLING = "killing"
    KILLED = "killed"
    FINISHED = "finished"
    FAILED = "failed"
    ERROR = "error"


class Action1(StrEnum):
    """
    What people do to many jobs at once.
    """

    PAUSE = "pause"
    RESUME = "resume"
    KILL = "kill"
    PRIORITY = "priority"


class JsonValue(RootModel[Any]):
    root: Any


class ListScope(StrEnum):
    """
    Whose jobs a list holds.
    """

    MINE = "mine"
    ALL = "all"


class Stream(StrEnum):
    STDOUT = "stdout"
    STDERR = "stderr"


class Scope2(StrEnum):
    """
    `read` with an API token that may only read.
    """

    READ = "read"
    ACT = "act"


class Scope3(StrEnum):
    """
    `read`: it changes nothing.
    """

    READ = "read"
    ACT = "act"


class Status6(StrEnum):
    """
    Where a message to somebody is: once `sent` or `failed`, that never changes.
    """

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


class Progress(StrEnum):
    """
    Where a message to somebody is: once `sent` or `failed`, that never changes.
    """

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


class Unit(StrEnum):
    DEVICE = "device"
    CPU = "cpu"


class Role(StrEnum):
    """
    What somebody is in a VC.
    """

    MEMBER = "member"
    ADMIN = "admin"


class ScopeModel(StrEnum):
    """
    What an API token may be used for; who signs in without one may act.
    """

    READ = "read"
    ACT = "act"


class Delivery(StrEnum):
    """
    `file`: no mail server is configured, so the mail is a file.
    """

    SMTP = "smtp"
    FILE = "file"


class AllocationInSubmission(RootModel[Any]):
    root: Any


class AttemptInSubmission(RootModel[Any]):
    root: Any


class CpusInSubmission(RootModel[Any]):
    root: Any


class DatacontenttypeInSubmission(RootModel[Any]):
    root: Any


class DeviceTypeInSubmission(RootModel[Any]):
    root: Any


class DevicesInSubmission(RootModel[Any]):
    root: Any


class DueAtInSubmission(RootModel[Any]):
    root: Any


class ExitCodeInSubmission(RootModel[Any]):
    root: Any


class FailuresInSubmission(RootModel[Any]):
    root: Any


class FinishedAtInSubmission(RootModel[Any]):
    root: Any


class GracePeriodSInSubmission(RootModel[Any]):
    root: Any


class IdInSubmission(RootModel[Any]):
    root: Any


class KindInSubmission(RootModel[Any]):
    root: Any


class LabelsInSubmission(RootModel[Any]):
    root: Any


class LogLinesInSubmission(RootModel[Any]):
    root: Any


class LossesInSubmission(RootModel[Any]):
    root: Any


class MaxDurationSInSubmission(RootModel[Any]):
    root: Any


class MemoryMibInSubmission(RootModel[Any]):
    root: Any


class NameInSubmission(RootModel[Any]):
    root: Any


class NodesInSubmission(RootModel[Any]):
    root: Any


class NotBeforeInSubmission(RootModel[Any]):
    root: Any


class NotifiesInSubmission(RootModel[Any]):
    root: Any


class OwnerInSubmission(RootModel[Any]):
    root: Any


class PreemptibleInSubmission(RootModel[Any]):
    root: Any


class PriorityInSubmission(RootModel[Any]):
    root: Any


class ReasonInSubmission(RootModel[Any]):
    root: Any


class SpecversionInSubmission(RootModel[Any]):
    root: Any


class StartedAtInSubmission(RootModel[Any]):
    root: Any


class StateInSubmission(RootModel[Any]):
    root: Any


class StatusInSubmission(RootModel[Any]):
    root: Any


class SubmittedAtInSubmission(RootModel[Any]):
    root: Any


class ThenInSubmission(RootModel[Any]):
    root: Any


class TokenTypeInSubmission(RootModel[Any]):
    root: Any


class VcInSubmission(RootModel[Any]):
    root: Any


class VersionInSubmission(RootModel[Any]):
    root: Any


class Actor(Model):
    """Who acted: a person, or a service of the platform."""

    kind: list[Any] | Kind
    name: list[Any]


class ApiToken(Model):
    """An API token that counts."""

    id: list[Any]
    name: list[Any]
    scope: list[Any] | Scope
    """What an API token may be used for; who signs in without one may act."""

    created_at: list[Any]


class ApiTokens(Model):
    """One's own, oldest first."""

    items: list[ApiToken]


class AuditEntry(Model):
    """One change: when, who, what, to which thing, and how it was before and after."""

    id: list[Any]
    version: list[Any] = 1
    time: list[Any]
    actor: list[Any]
    action: list[Any]
    target: list[Any]
    details: list[Any] | dict[str, Any] = {}
    request_id: list[Any] = None
    address: list[Any] = None


class AuditPage(Model):
    """Changes that somebody made, newest first."""

    items: list[AuditEntry]
    next_cursor: list[Any]
    """`cursor` of the next page; null on the last one."""


class Credentials(Model):
    """A local account's name and password."""

    model_config = ConfigDict(
        extra="forbid",
    )
    username: list[Any]
    password: list[Any]


class DeviceAsk(Model):
    """Whether the sign-in with this code is done."""

    model_config = ConfigDict(
        extra="forbid",
    )
    device_code: list[Any]


class DevicePending(Model):
    """Not done yet."""

    status: Literal["pending"] = "pending"
    slower: list[Any]
    """Ask 5 s more seldom from now on."""


class DeviceStart(Model):
    """What to show to whoever signs in, and what to ask with until they have (RFC 8628)."""

    device_code: list[Any]
    user_code: list[Any]
    verification_uri: list[Any]
    verification_uri_complete: list[Any] | None = None
    expires_in: list[Any]
    interval: list[Any]


class Endpoint(Model):
    """A way into a job, as people see it."""

    job_id: list[Any]
    """ULID, upper case."""

    name: list[Any]
    """`ssh`, `jupyter`, `tensorboard`, or `port-<n>`."""

    kind: list[Any] | Kind1
    """What is behind the door."""

    port: list[Any] | None = None
    """Of an interactive port: where the job's program listens."""

    rank: list[Any] = 0
    status: list[Any] | Status
    """Where an endpoint is in its life; the transitions stand in `services/endpoints/domain/machine.py`."""

    url: list[Any] | None = None
    """Where a browser finds it; none for `ssh`."""

    command: list[Any] | None = None
    """A line for a terminal that leads in."""

    reason: list[Any] | None = None
    """Why it is where it is."""

    requested_by: list[Any]
    requested_at: list[Any]
    last_used_at: list[Any] | None = None
    version: list[Any]
    """Counts a document's changes, from 1."""


class Endpoints(Model):
    """Of one job, in the order of their names."""

    items: list[Endpoint]


class FieldError(Model):
    """One field of a request, and what is wrong with it."""

    field: list[Any]
    message: list[Any]


class State(Model):
    """What changes during a job's life; every history entry carries the state that it led to."""

    status: list[Any] | Status1
    """Where a job is in its life; the transitions stand in `services/jobs/domain/machine.py`."""

    priority: list[Any]
    reason: list[Any] = None
    then: list[Any] = None
    """Where pausing or killing leads."""

    attempt: list[Any] = 0
    """0 before the first placement, then from 1."""

    allocation: list[Any] = None
    """Held while `status` is one of HOLDING."""

    started_at: list[Any] = None
    """Start of the current or last attempt."""

    finished_at: list[Any] = None
    """When the job became terminal."""

    exit_code: list[Any] = None
    """Of the last attempt; 128 + n for signal n."""

    due_at: list[Any] = None
    """While running: when the time limit's warning, then its end, is due."""

    not_before: list[Any] = None
    """A retry waits until then."""

    failures: list[Any] = 0
    """Attempts that failed and used up a retry."""

    losses: list[Any] = 0
    """Runs that were lost, outside `retries`."""

    log_lines: list[Any] = 0
    """Lines that the earlier attempts wrote."""


class Job1(Model):
    """What the platform needs to know of a job, without its command, environment and paths."""

    id: list[Any]
    """ULID, upper case."""

    name: list[Any]
    owner: list[Any]
    vc: list[Any]
    """Virtual cluster."""

    device_type: list[Any]
    devices: list[Any]
    nodes: list[Any]
    cpus: list[Any]
    memory_mib: list[Any]
    preemptible: list[Any]
    max_duration_s: list[Any]
    grace_period_s: list[Any]
    labels: list[Any] | dict[str, str]
    submitted_at: list[Any]
    version: list[Any]
    """Counts a document's changes, from 1."""

    state: list[Any] | State
    """What changes during a job's life; every history entry carries the state that it led to."""

    notifies: list[Any] = False
    """Somebody wants to be told; whom, only its owner sees."""

    endpoints: list[str] = []
    """Those that it was submitted with."""

    interactive_ports: list[int] = []
    """Likewise."""


class Data(Model):
    """The job as it was after the change, and who made it; the other fields belong to some types."""

    model_config = ConfigDict(
        extra="allow",
    )
    job: list[Any] | Job1
    """What the platform needs to know of a job, without its command, environment and paths."""

    actor: list[Any] | Actor
    """Who acted: a person, or a service of the platform."""

    launch: list[Any] = None
    """Only of `scheduled`."""

    previous: list[Any] = None
    """Only of `priority_changed`: the former priority."""

    receipt: list[Any] = None
    """Only of `paused` and `preempted`: who stopped it, why, and what was lost."""


class JobEvent(Model):
    """A change of a job, as a CloudEvent."""

    specversion: Literal["1.0"] = "1.0"
    id: list[Any]
    """`<job_id>:<version>`, `<job_id>.<attempt>:<fact>` or `<case_id>:<fact>`; also `Nats-Msg-Id`."""

    type: list[Any]
    """`io.jobyard.<noun>.<fact>.v1`"""

    source: list[Any]
    """The service that owns the fact, `/jobs` or `/executor/<node>`; or `/admin`."""

    subject: list[Any]
    """The job's id, or the node's name."""

    time: list[Any]
    datacontenttype: Literal["application/json"] = "application/json"
    jobversion: list[Any] = None
    """Apply the events of a job in this order."""

    correlationid: list[Any] = None
    """The request that started it all."""

    causationid: list[Any] = None
    """The event or command that led to this one."""

    traceparent: list[Any] = None
    """W3C trace context."""

    data: list[Any] | Data
    """The job as it was after the change, and who made it; the other fields belong to some types."""


class JobEventData(Model):
    """The job as it was after the change, and who made it; the other fields belong to some types."""

    model_config = ConfigDict(
        extra="allow",
    )
    job: list[Any] | Job1
    """What the platform needs to know of a job, without its command, environment and paths."""

    actor: list[Any] | Actor
    """Who acted: a person, or a service of the platform."""

    launch: list[Any] = None
    """Only of `scheduled`."""

    previous: list[Any] = None
    """Only of `priority_changed`: the former priority."""

    receipt: list[Any] = None
    """Only of `paused` and `preempted`: who stopped it, why, and what was lost."""


class JobEvents(Model):
    """Everything that happened to a job, in order."""

    items: list[JobEvent]


class JobFilter(Model):
    """Which jobs are meant: those that meet every condition, newest first."""

    model_config = ConfigDict(
        extra="forbid",
    )
    scope: list[Any] = None
    """`mine`, the default without `owner`; `all`: what you may act on in your virtual clusters."""

    status: list[JobStatus] = []
    """Default: those in which the action makes sense."""

    owner: list[Any] = None
    vc: list[Any] = None
    label: list[Any] | dict[str, str] = {}
    device_type: list[Any] = None
    preemptible: list[Any] = None
    submitted_after: list[Any] = None
    """This moment or later."""

    submitted_before: list[Any] = None
    """Earlier than this moment."""

    q: list[Any] = None
    """An id, or the beginning of a name."""


class JobState(Model):
    """What changes during a job's life; every history entry carries the state that it led to."""

    status: list[Any] | Status1
    """Where a job is in its life; the transitions stand in `services/jobs/domain/machine.py`."""

    priority: list[Any]
    reason: list[Any] = None
    then: list[Any] = None
    """Where pausing or killing leads."""

    attempt: list[Any] = 0
    """0 before the first placement, then from 1."""

    allocation: list[Any] = None
    """Held while `status` is one of HOLDING."""

    started_at: list[Any] = None
    """Start of the current or last attempt."""

    finished_at: list[Any] = None
    """When the job became terminal."""

    exit_code: list[Any] = None
    """Of the last attempt; 128 + n for signal n."""

    due_at: list[Any] = None
    """While running: when the time limit's warning, then its end, is due."""

    not_before: list[Any] = None
    """A retry waits until then."""

    failures: list[Any] = 0
    """Attempts that failed and used up a retry."""

    losses: list[Any] = 0
    """Runs that were lost, outside `retries`."""

    log_lines: list[Any] = 0
    """Lines that the earlier attempts wrote."""


class JobView(Model):
    """What the platform needs to know of a job, without its command, environment and paths."""

    id: list[Any]
    """ULID, upper case."""

    name: list[Any]
    owner: list[Any]
    vc: list[Any]
    """Virtual cluster."""

    device_type: list[Any]
    devices: list[Any]
    nodes: list[Any]
    cpus: list[Any]
    memory_mib: list[Any]
    preemptible: list[Any]
    max_duration_s: list[Any]
    grace_period_s: list[Any]
    labels: list[Any] | dict[str, str]
    submitted_at: list[Any]
    version: list[Any]
    """Counts a document's changes, from 1."""

    state: list[Any] | State
    """What changes during a job's life; every history entry carries the state that it led to."""

    notifies: list[Any] = False
    """Somebody wants to be told; whom, only its owner sees."""

    endpoints: list[str] = []
    """Those that it was submitted with."""

    interactive_ports: list[int] = []
    """Likewise."""


class JobsChange(Model):
    """One wish for many jobs, named by their ids or by a filter."""

    model_config = ConfigDict(
        extra="forbid",
    )
    action: list[Any] | Action1
    """What people do to many jobs at once."""

    ids: list[Any] = None
    filter: list[Any] = None
    priority: list[Any] = None
    """Only with the action `priority`."""

    cursor: list[Any] = None
    """Only with `filter`: `next_cursor` of the answer before."""

    dry_run: list[Any] = False
    """Only with `filter`: name the jobs that are meant, change none."""


class LaunchSpec(Model):
    """What an executor needs to start a run, beside the view and its allocation."""

    command: list[Any]
    image: list[Any]
    env: list[Any] | dict[str, str]
    data_path: list[Any]
    work_path: list[Any]
    job_path: list[Any]
    """None: `jobs/<id>`, in launches of the first versions."""

    checkpoint_path: list[Any]
    """None: `checkpoints` under the job path, likewise."""

    secrets: list[Any] | dict[str, str] = {}
    """Variables whose values the executor asks for: name -> name of a secret."""


class LogGap(Model):
    """Lines that are missing after line `after_seq` (0: before the first)."""

    after_seq: list[Any]
    lost: list[Any]


class LogLine(Model):
    seq: list[Any]
    time: list[Any]
    stream: list[Any] | Stream
    rank: list[Any]
    attempt: list[Any]
    """0 before the first placement, then from 1."""

    text: list[Any]


class LogTail(Model):
    """Lines of a console in order, and where lines are missing."""

    lines: list[LogLine]
    gaps: list[LogGap]


class MadeApiToken(Model):
    """A new API token, with what to send as `Authorization: Bearer <token>`: shown this one time."""

    id: list[Any]
    name: list[Any]
    scope: list[Any] | Scope
    """What an API token may be used for; who signs in without one may act."""

    created_at: list[Any]
    token: list[Any]


class Me(Model):
    """Who is asking, as the platform sees it."""

    name: list[Any]
    admin: list[Any]
    vcs: list[Any] | dict[str, Role]
    """Virtual clusters that this account belongs to."""

    scope: list[Any] | Scope2
    """`read` with an API token that may only read."""


class NewApiToken(Model):
    """An API token to make."""

    model_config = ConfigDict(
        extra="forbid",
    )
    name: list[Any]
    scope: list[Any] | Scope3
    """`read`: it changes nothing."""


class NewEndpoint(Model):
    """A way into a job: `ssh`, `jupyter`, `tensorboard`, `port-8080`; or `port` and the number beside it."""

    model_config = ConfigDict(
        extra="forbid",
    )
    name: list[Any]
    port: list[Any] = None
    """Only of an interactive port."""

    rank: list[Any] = 0
    """Which of the job's nodes it leads to."""


class NewUser(Model):
    """An account to make."""

    model_config = ConfigDict(
        extra="forbid",
    )
    username: list[Any]
    password: list[Any]
    email: list[Any] = None
    vcs: list[Any] | dict[str, Role] = {}
    """Default: a member of `default`."""

    admin: list[Any] = False


class NewVc(Model):
    """A virtual cluster to make."""

    model_config = ConfigDict(
        extra="forbid",
    )
    open: list[Any] = True
    """Members read one another's briefs, metrics and consoles."""

    max_priority: list[Any] = None
    """The highest that its members may take."""

    max_duration_s: list[Any] = None
    """The longest that its jobs may run."""

    jobs_per_user: list[Any] = None
    """How many jobs a member may have that are not over."""

    name: list[Any]
    """Virtual cluster."""


class Notification(Model):
    """One event told to one recipient."""

    status: list[Any] | Status6
    """Where a message to somebody is: once `sent` or `failed`, that never changes."""

    tries: list[Any]
    """Begun so far."""

    last_error: list[Any] | None = None
    """Why the last try failed."""

    next_try: list[Any] | None = None
    """While it waits: the next try, if this one fails."""

    sent_at: list[Any] | None = None
    id: list[Any]
    """`<job_id>.<version>.<number of the entry>`; also `webhook-id`."""

    event: list[Any]
    """What happened, for instance `finished`."""

    to: list[Any]
    created_at: list[Any]


class Notifications(Model):
    """Of one job, the newest first, at most 200."""

    items: list[Notification]


class Notify(Model):
    """Somebody to tell about a job: a mail address, a webhook, or a service that the operator allowed."""

    to: list[Any]
    """`mailto:ada@example.org`, `https://...` (a webhook), or an Apprise URL."""

    on: list[str] = ["finished", "failed", "error", "killed"]
    """Events to tell of."""


class NotifyEntry(Model):
    """Somebody to tell about a job: a mail address, a webhook, or a service that the operator allowed."""

    model_config = ConfigDict(
        extra="forbid",
    )
    to: list[Any]
    """`mailto:ada@example.org`, `https://...` (a webhook), or an Apprise URL."""

    on: list[str] = ["finished", "failed", "error", "killed"]
    """Events to tell of."""


class OneTimeCode(Model):
    """What the sign-in's page got, and the verifier of the challenge that it began with (RFC 7636, S256)."""

    model_config = ConfigDict(
        extra="forbid",
    )
    code: list[Any]
    code_verifier: list[Any]


class Outcome(Model):
    """What became of one job: a 2xx status and its id, or the problem with it."""

    status: list[Any]
    id: list[Any] | None = None
    problem: list[Any] | None = None


class Outcomes(Model):
    """In the order of the submissions."""

    outcomes: list[Outcome]


class PasswordChange(Model):
    """One's own new password."""

    model_config = ConfigDict(
        extra="forbid",
    )
    current: list[Any]
    new: list[Any]


class PriorityChange(Model):
    """A job's new priority."""

    model_config = ConfigDict(
        extra="forbid",
    )
    priority: list[Any]
    """Higher runs first."""


class Problem(Model):
    """An RFC 9457 problem: what went wrong, and what to do."""

    model_config = ConfigDict(
        extra="allow",
    )
    type: list[Any]
    """`urn:jobyard:problem:<code>`"""

    title: list[Any]
    status: list[Any]
    detail: list[Any]
    """A sentence to act on."""

    code: list[Any]
    errors: Annotated[list[FieldError], Field(validate_default=True)] = []
    """The fields that are wrong."""

    request_id: list[Any] = None
    """Names this request in the platform's log."""


class Reason(Model):
    """Why a job is where it is: a constant for programs, a sentence for people, and the figures behind it."""

    code: list[Any]
    message: list[Any]
    details: list[Any] | dict[str, Any] = {}


class By(Model):
    """Who acted: a person, or a service of the platform."""

    kind: list[Any] | Kind2
    name: list[Any]


class Receipt(Model):
    """What it cost that a run was stopped before its end: who asked, why, by which rule, and the work lost with it."""

    by: list[Any] | By
    """Who acted: a person, or a service of the platform."""

    rule: list[Any]
    """`pause_command`, or the code of the scheduler's reason to preempt."""

    why: list[Any]
    """The same in a sentence."""

    held: list[Any]
    """Devices over all nodes, or cpus of a job without devices."""

    unit: list[Any] | Unit
    minutes_lost: list[Any]
    """`held` times the minutes since `lost_since`."""

    stopped_at: list[Any] = None
    """The run's end; none: nothing was running."""

    checkpoint_at: list[Any] = None
    """The last checkpoint, if any is known."""

    lost_since: list[Any] = None
    """That checkpoint, or the run's start if later."""


class Secret(Model):
    """That there is a secret, and since when. Its value is never shown."""

    name: list[Any]
    created_at: list[Any]
    updated_at: list[Any]
    updated_by: list[Any]


class SecretRef(Model):
    """Stands for a secret's value: the owner's own secret of this name, else that of the job's virtual cluster."""

    model_config = ConfigDict(
        extra="forbid",
    )
    secret: list[Any]


class SecretValue(Model):
    """A secret's new value. No answer ever shows it again."""

    model_config = ConfigDict(
        extra="forbid",
    )
    value: list[Any]


class Secrets1(Model):
    """All secrets of one holder, by name."""

    items: list[Secret]


class ServiceHealth(Model):
    """Whether one service can work."""

    ready: list[Any]
    message: list[Any] = ""


class Share(Model):
    """What one rank of a run gets: a node, and the indices of that node's devices."""

    node: list[Any]
    """One token of a subject."""

    rank: list[Any] = 0
    devices: list[int] = []


class SupportCase(Model):
    """A question to the operators, and whether they have it."""

    status: list[Any] | Status6
    """Where a message to somebody is: once `sent` or `failed`, that never changes."""

    tries: list[Any]
    """Begun so far."""

    last_error: list[Any] | None = None
    """Why the last try failed."""

    next_try: list[Any] | None = None
    """While it waits: the next try, if this one fails."""

    sent_at: list[Any] | None = None
    id: list[Any]
    """ULID, upper case."""

    job_id: list[Any]
    """ULID, upper case."""

    requester: list[Any]
    subject: list[Any]
    message: list[Any]
    include_logs: list[Any]
    requested_at: list[Any]
    delivery: list[Any] | Delivery
    """`file`: no mail server is configured, so the mail is a file."""

    note: list[Any]
    """What happens to it, in a sentence."""


class SupportCases(Model):
    """Of one job, the newest first, at most 100."""

    items: list[SupportCase]


class SupportRequest(Model):
    """A question to the operators about a job."""

    model_config = ConfigDict(
        extra="forbid",
    )
    subject: list[Any]
    message: list[Any]
    include_logs: list[Any] = True
    """Attach the last lines of the console."""


class Token(Model):
    """What to send as `Authorization: Bearer <access_token>`."""

    access_token: list[Any]
    token_type: Literal["bearer"] = "bearer"
    expires_in: list[Any]
    """Seconds until it stops counting."""


class User(Model):
    """An account as administrators see it."""

    name: list[Any]
    email: list[Any]
    admin: list[Any]
    disabled: list[Any]
    vcs: list[Any] | dict[str, Role]
    issuer: list[Any]
    """Signs in at the OIDC issuer, not with a password."""

    created_at: list[Any]


class UserChange(Model):
    """What to change of an account; what is left out stays."""

    model_config = ConfigDict(
        extra="forbid",
    )
    email: list[Any] = None
    """null: none."""

    vcs: list[Any] | dict[str, Role | None] = {}
    """Only these change; null takes one away."""

    admin: list[Any] = False
    disabled: list[Any] = False
    password: list[Any] = None
    """Ends what the account is signed in with."""


class Users(Model):
    """Accounts, by name."""

    items: list[User]
    next_cursor: list[Any]
    """`cursor` of the next page; null on the last one."""


class Vc(Model):
    """A virtual cluster."""

    name: list[Any]
    """Virtual cluster."""

    open: list[Any]
    max_priority: list[Any]
    max_duration_s: list[Any]
    jobs_per_user: list[Any]
    created_at: list[Any]
    role: list[Any]
    """The caller's own role in it."""


class VcChange(Model):
    """What to change of a virtual cluster; what is left out stays, null takes a bound away."""

    model_config = ConfigDict(
        extra="forbid",
    )
    open: list[Any] = True
    """Members read one another's briefs, metrics and consoles."""

    max_priority: list[Any] = None
    """The highest that its members may take."""

    max_duration_s: list[Any] = None
    """The longest that its jobs may run."""

    jobs_per_user: list[Any] = None
    """How many jobs a member may have that are not over."""


class Vcs4(Model):
    """Virtual clusters, by name."""

    items: list[Vc]


class WebhookSecret(Model):
    secret: list[Any]
    """As Standard Webhooks write it: `whsec_` and base64."""

    created_at: list[Any]


class Allocation(Model):
    """What a run holds: one share per rank."""

    shares: list[Share]


class Changes(Model):
    """What became of each job, in the order of the ids, or newest first by a filter."""

    outcomes: list[Outcome]
    matched: list[Any]
    """How many jobs this answer is about."""

    next_cursor: list[Any] | None = None
    """More jobs may match the filter: send it again with this as its `cursor`."""


class Job(Model):
    """A whole job, and what the caller may do to it now."""

    name: list[Any]
    """Need not be unique."""

    command: list[Any]
    """A line for `/bin/sh -c`, or a list of arguments."""

    vc: list[Any] = "default"
    """Virtual cluster."""

    image: list[Any] | None = None
    """Container image; `process` ignores it."""

    env: Annotated[list[Any] | dict[str, str | SecretRef], Field(validate_default=True)] = {}
    data_path: list[Any] | None = None
    """Must exist; becomes `JOBYARD_DATA_PATH`."""

    work_path: list[Any] | None = None
    """Where the command starts; must exist. Default: job_path."""

    job_path: list[Any] | None = None
    """The job's own folder; default `jobs/<id>`."""

    checkpoint_path: list[Any] | None = None
    """Default: `checkpoints` under the job path."""

    device_type: list[Any] = "cpu"
    devices: list[Any] = 0
    """Accelerators per node."""

    nodes: list[Any] = 1
    cpus: list[Any] = 1
    """Per node."""

    memory_mib: list[Any] = 0
    """Per node; 0 is not counted."""

    preemptible: list[Any] = False
    priority: list[Any] = 100
    """Higher runs first."""

    max_duration_s: list[Any] | None = None
    grace_period_s: list[Any] = 30
    """From SIGTERM to SIGKILL."""

    retries: list[Any] = 0
    labels: list[Any] | dict[str, str] = {}
    endpoints: list[EndpointsInSubmission] = []
    interactive_ports: list[int] = []
    notify: Annotated[list[Notify], Field(validate_default=True)] = []
    """Whom to tell what happens to it."""

    id: list[Any]
    """ULID, upper case."""

    owner: list[Any]
    devices_total: list[Any]
    """Accelerators over all nodes."""

    status: list[Any] | Status1
    """Where a job is in its life; the transitions stand in `services/jobs/domain/machine.py`."""

    reason: list[Any]
    submitted_at: list[Any]
    started_at: list[Any]
    finished_at: list[Any]
    exit_code: list[Any]
    attempt: list[Any]
    """0 before the first placement, then from 1."""

    version: list[Any]
    """Counts a document's changes, from 1."""

    actions: list[Action] = []
    """What the caller may do to it now."""


class JobPage(Model):
    """Jobs in the order of their list. A page may be shorter than `limit` where few jobs of a long list match."""

    items: list[Job]
    total: list[Any]
    """How many jobs there are on all pages."""

    total_is: list[Any] | TotalIs
    """Counting stops at 10,000, or where no index can count."""

    next_cursor: list[Any]
    """`cursor` of the next page; null on the last one."""


class JobRequest(Model):
    """What a person submits. Only `name` and `command` are required, and `command` not by a job with endpoints."""

    model_config = ConfigDict(
        extra="forbid",
    )
    name: list[Any]
    """Need not be unique."""

    command: list[Any] | None = None
    """A line for `/bin/sh -c`, or a list of arguments. Not needed with endpoints or ports."""

    vc: list[Any] = "default"
    """Virtual cluster."""

    image: list[Any] = None
    """Container image; `process` ignores it."""

    env: Annotated[list[Any] | dict[str, str | SecretRef], Field(validate_default=True)] = {}
    data_path: list[Any] = None
    """Must exist; becomes `JOBYARD_DATA_PATH`."""

    work_path: list[Any] = None
    """Where the command starts; must exist. Default: job_path."""

    job_path: list[Any] = None
    """The job's own folder; default `jobs/<id>`."""

    checkpoint_path: list[Any] = None
    """Default: `checkpoints` under the job path."""

    device_type: list[Any] = "cpu"
    devices: list[Any] = 0
    """Accelerators per node."""

    nodes: list[Any] = 1
    cpus: list[Any] = 1
    """Per node."""

    memory_mib: list[Any] = 0
    """Per node; 0 is not counted."""

    preemptible: list[Any] = False
    priority: list[Any] = 100
    """Higher runs first."""

    max_duration_s: list[Any] = None
    grace_period_s: list[Any] = 30
    """From SIGTERM to SIGKILL."""

    retries: list[Any] = 0
    labels: list[Any] | dict[str, str] = {}
    endpoints: list[EndpointsInSubmission] = []
    interactive_ports: list[int] = []
    notify: Annotated[list[NotifyEntry], Field(validate_default=True)] = []
    """Whom to tell what happens to it."""

    owner: list[Any] = None
    """At most your own name; usually left out."""


class Readiness(Model):
    """Whether the platform can work, and which part keeps it from that."""

    ready: list[Any]
    services: list[Any] | dict[str, ServiceHealth]


class Batch(Model):
    """Up to 1,000 submissions at once, each accepted or refused for itself."""

    model_config = ConfigDict(
        extra="forbid",
    )
    jobs: list[JobRequest]
