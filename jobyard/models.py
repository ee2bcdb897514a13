"""The API's models, generated from `docs/openapi.json` by `make docs`; do not edit."""

# ruff: noqa: I001, RUF012

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal

from jobyard.base import Model
from pydantic import AwareDatetime, ConfigDict, Field


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


class Actor(Model):
    """Who acted: a person, or a service of the platform. `address` and `token` are for the audit alone."""

    kind: Kind
    name: str
    address: str | None = None
    """Where the person's request came from, if that is known."""

    token: str | None = None
    """The name of the API token that it brought."""


class Blocking(StrEnum):
    """
    How a job is in the way: it `holds` something; it `leaves`, so that this comes back; room is `promised` to it.
    """

    HOLDS = "holds"
    LEAVES = "leaves"
    PROMISED = "promised"


class Checkpoint(Model):
    """The last checkpoint of a job's present run. `known` false: none is under way, or its node does not say."""

    known: bool
    written_at: AwareDatetime | None = None
    """None, where it is known: it has written none."""


class ClusterVc(Model):
    """A virtual cluster that the caller belongs to; for platform administrators every one."""

    name: str
    quota: dict[str, int]
    """Types without one are unbounded; there are no quotas yet."""

    used: dict[str, int]
    """By type of device."""

    borrowed: dict[str, int]
    """What is used above the quota."""

    waiting: int
    """Queued jobs."""

    running: int


class Credentials(Model):
    """A local account's name and password."""

    model_config = ConfigDict(
        extra="forbid",
    )
    username: str
    password: str


class DeviceAsk(Model):
    """Whether the sign-in with this code is done."""

    model_config = ConfigDict(
        extra="forbid",
    )
    device_code: str


class DevicePending(Model):
    """Not done yet."""

    status: Literal["pending"] = "pending"
    slower: bool
    """Ask 5 s more seldom from now on."""


class DeviceStart(Model):
    """What to show to whoever signs in, and what to ask with until they have (RFC 8628)."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str | None = None
    expires_in: int
    interval: int


class DeviceTotal(Model):
    """Devices of one type over all nodes."""

    device_type: str
    total: int
    used: int
    free: int
    """On nodes that are ready and open, and not resting."""

    simulated: int
    """Of the total."""


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


class FieldError(Model):
    """One field of a request, and what is wrong with it."""

    field: str
    message: str


class FieldLimit(Model):
    """What a value has to keep to; null: nothing of the kind."""

    minimum: int | float | None
    maximum: int | float | None
    length: int | None
    """Characters; of a path, bytes."""

    pattern: str | None
    entries: int | None
    """Of a list or a map."""


class JobAction(StrEnum):
    """
    What people do to many jobs at once.
    """

    PAUSE = "pause"
    RESUME = "resume"
    KILL = "kill"
    PRIORITY = "priority"


class JobCounts(Model):
    """How many jobs there are. Each number is exact up to 10,000, and 10,000 means so many or more."""

    running: int
    """Running, pausing or killing: they hold their devices."""

    waiting: int
    """Queued, or scheduling."""

    paused: int
    failed: int | None
    """Failed, or error; null for everybody's, whose list has no job that is over."""


class Scope1(StrEnum):
    """
    `mine`, the default without `owner`; `all`: what you may act on in your virtual clusters.
    """

    MINE = "mine"
    ALL = "all"


class Source(StrEnum):
    """
    The platform keeps the last hour itself, Prometheus more.
    """

    PROMETHEUS = "prometheus"
    RING = "ring"


class TotalIs(StrEnum):
    """
    Counting stops at 10,000, or where no index can count.
    """

    EXACT = "exact"
    AT_LEAST = "at_least"


class Kind1(StrEnum):
    """
    Whether it was measured, or the job reports it.
    """

    USAGE = "usage"
    REPORTED = "reported"


class JobSeries(Model):
    """One line of a graph. Where nothing was measured there is no point; unknown is never zero."""

    name: str
    """cpu, memory, network, block_io, gpu_... or npu_..., or the job's own."""

    kind: Kind1
    """Whether it was measured, or the job reports it."""

    unit: str
    """cores, bytes, bytes_per_second, ratio; empty for what a job reports."""

    labels: dict[str, str]
    """What tells it from others of its name: rank, direction, device, and scope of the network."""

    points: list[list[float]]
    """[seconds since 1970, value], in order."""


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


class LaunchSpec(Model):
    """What an executor needs to start a run, beside the view and its allocation."""

    command: str | list[str]
    image: str | None
    env: dict[str, str]
    data_path: str | None
    work_path: str | None
    job_path: str | None
    """None: `jobs/<id>`, in launches of the first versions."""

    checkpoint_path: str | None
    """None: `checkpoints` under the job path, likewise."""

    secrets: dict[str, str] = {}
    """Variables whose values the executor asks for: name -> name of a secret."""

    login: str | None = None
    """The registry for which the executor asks for the virtual cluster's credentials."""


class ListScope(StrEnum):
    """
    Whose jobs a list holds.
    """

    MINE = "mine"
    ALL = "all"


class LogGap(Model):
    """Lines that are missing after line `after_seq` of a rank (0: before the first)."""

    after_seq: int
    lost: int
    rank: int = 0


class Scope2(StrEnum):
    RUN = "run"
    HOST = "host"


class NetworkTotals(Model):
    """Bytes since the run's start; `host`: those of the whole machine, where a run's own cannot be counted."""

    receive_bytes: int
    transmit_bytes: int
    scope: Scope2


class NewEndpoint(Model):
    """A way into a job: `ssh`, `jupyter`, `tensorboard`, `port-8080`; or `port` and the number beside it."""

    model_config = ConfigDict(
        extra="forbid",
    )
    name: str
    port: int | None = None
    """Only of an interactive port."""

    rank: int = 0
    """Which of the job's nodes it leads to."""


class NewSshKey(Model):
    """A public SSH key to add, as it stands in a `.pub` file; options and comment are dropped."""

    model_config = ConfigDict(
        extra="forbid",
    )
    name: str
    public_key: str


class NewVc(Model):
    """A virtual cluster to make."""

    model_config = ConfigDict(
        extra="forbid",
    )
    open: bool = True
    """Members read one another's briefs, metrics and consoles."""

    max_priority: int | None = None
    """The highest that its members may take."""

    max_duration_s: int | None = None
    """The longest that its jobs may run."""

    jobs_per_user: int | None = None
    """How many jobs a member may have that are not over."""

    endpoint_idle_s: int | None = None
    """Seconds after which an endpoint that nobody uses closes."""

    image: str | None = None
    """What its jobs start in that name no image."""

    name: str
    """Virtual cluster."""


class NodeState(StrEnum):
    """
    Whether a node lives, as far as the scheduler can know.
    """

    READY = "ready"
    SILENT = "silent"


class Notify(Model):
    """Somebody to tell about a job: a mail address, a webhook, or a service that the operator allowed."""

    to: str
    """`mailto:ada@example.org`, `https://...` (a webhook), or an Apprise URL."""

    on: list[str] = ["finished", "failed", "error", "killed"]
    """Events to tell of."""


class NotifyEntry(Model):
    """Somebody to tell about a job: a mail address, a webhook, or a service that the operator allowed."""

    model_config = ConfigDict(
        extra="forbid",
    )
    to: str
    """`mailto:ada@example.org`, `https://...` (a webhook), or an Apprise URL."""

    on: list[str] = ["finished", "failed", "error", "killed"]
    """Events to tell of."""


class NotifyOptions(Model):
    """Whom a job may tell, and of what."""

    kinds: list[str]
    """What a recipient begins with: `mailto`, `https`, ..."""

    mail_domains: list[str]
    """Mails go to these only; none named: to any."""

    events: list[str]


class OfferedDevices(Model):
    """Devices of one type, on the nodes that report, held or free."""

    device_type: str
    total: int
    max_per_node: int
    """A job that asks for more waits for a larger node."""

    simulated: bool
    """None of them really exists."""


class OneTimeCode(Model):
    """What the sign-in's page got, and the verifier of the challenge that it began with (RFC 7636, S256)."""

    model_config = ConfigDict(
        extra="forbid",
    )
    code: str
    code_verifier: str


class PasswordChange(Model):
    """One's own new password."""

    model_config = ConfigDict(
        extra="forbid",
    )
    current: str
    new: str


class PriorityChange(Model):
    """A job's new priority."""

    model_config = ConfigDict(
        extra="forbid",
    )
    priority: int
    """Higher runs first."""


class Problem(Model):
    """An RFC 9457 problem: what went wrong, and what to do."""

    model_config = ConfigDict(
        extra="allow",
    )
    type: str
    """`urn:jobyard:problem:<code>`"""

    title: str
    status: int
    detail: str
    """A sentence to act on."""

    code: str
    errors: Annotated[list[FieldError], Field(validate_default=True)] = []
    """The fields that are wrong."""

    request_id: str | None = None
    """Names this request in the platform's log."""


class Progress(StrEnum):
    """
    Where a message to somebody is: once `sent` or `failed`, that never changes.
    """

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


class ErrorType(StrEnum):
    BAD_DATA = "bad_data"
    EXECUTION = "execution"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


class QueryProblem(Model):
    """A problem in the words of Prometheus as well."""

    type: str
    """`urn:jobyard:problem:<code>`"""

    title: str
    status: Literal["error"] = "error"
    errorType: ErrorType
    error: str
    """A sentence to act on."""

    detail: str
    """The same sentence."""

    code: str
    errors: Annotated[list[FieldError], Field(validate_default=True)] = []
    """The parameters that are wrong."""

    request_id: str | None = None
    """Names this request in the platform's log."""


class QueueReason(Model):
    """So many queued jobs wait for the same reason, those of virtual clusters that the caller is not in together."""

    code: str
    """As in `reason.code` of a job."""

    device_type: str
    vc: str | None
    """null: of virtual clusters that the caller does not belong to."""

    waiting: int
    devices: int
    """That all of them together ask for."""


class Reason(Model):
    """Why a job is where it is: a constant for programs, a sentence for people, and the figures behind it."""

    code: str
    message: str
    details: dict[str, Any] = {}


class Unit(StrEnum):
    DEVICE = "device"
    CPU = "cpu"


class Receipt(Model):
    """What it cost that a run was stopped before its end: who asked, why, by which rule, and the work lost with it."""

    by: Actor
    rule: str
    """`pause_command`, or the code of the scheduler's reason to preempt."""

    why: str
    """The same in a sentence."""

    held: float
    """Devices over all nodes, or cpus of a job without devices."""

    unit: Unit
    minutes_lost: float
    """`held` times the minutes since `lost_since`."""

    stopped_at: AwareDatetime | None = None
    """The run's end; none: nothing was running."""

    checkpoint_at: AwareDatetime | None = None
    """The last checkpoint, if any is known."""

    lost_since: AwareDatetime | None = None
    """That checkpoint, or the run's start if later."""


class Registry(Model):
    """A registry that a virtual cluster has credentials for."""

    registry: str
    """`docker.io`, `registry.lab:5000`."""

    created_at: AwareDatetime
    updated_at: AwareDatetime
    updated_by: str


class RegistryCredentials(Model):
    """What a registry lets the virtual cluster in with. No answer ever shows it again."""

    model_config = ConfigDict(
        extra="forbid",
    )
    username: str
    password: str
    """Or a token."""


class Role(StrEnum):
    """
    What somebody is in a VC.
    """

    MEMBER = "member"
    ADMIN = "admin"


class RunImage(Model):
    """The image that all runs of a job start in, as it was found out when the job was submitted."""

    reference: str
    """By its digest, so that no tag that is moved changes it; else as named."""

    of_vc: bool = False
    """The submission named none: it is the virtual cluster's."""

    unpinned: Reason | None = None
    """Why its tag may mean another image in a later run; none: it has a digest."""

    login: str | None = None
    """The registry where it is pulled with the virtual cluster's credentials."""


class RunUsage(Model):
    """What one run has used from its start to its end. Additions of two runs' are meaningful; see `JobUsage`."""

    seconds: float
    """From start to end."""

    cpu_seconds: float | None = None
    memory_peak_bytes: int | None = None
    memory_mean_bytes: float | None = None
    """Over the samples, by time."""

    network: NetworkTotals | None = None
    block_read_bytes: int | None = None
    block_write_bytes: int | None = None
    device_seconds: float = 0.0
    """Devices held, times seconds."""

    device_measured_seconds: float = 0.0
    """Of these, with a known utilization."""

    device_idle_seconds: float = 0.0
    """Of the measured ones, with a use under 5 %."""

    device_utilization_mean: float | None = None
    device_memory_peak_bytes: int | None = None
    """Of one device."""

    reported: dict[str, float] = {}
    not_finite: list[str] = []
    """Of these names the last value was NaN."""

    dropped: int = 0


class Scope(StrEnum):
    """
    What an API token may be used for; who signs in without one may act.
    """

    READ = "read"
    ACT = "act"


class Secret(Model):
    """That there is a secret, and since when. Its value is never shown."""

    name: str
    created_at: AwareDatetime
    updated_at: AwareDatetime
    updated_by: str


class SecretRef(Model):
    """Stands for a secret's value: the owner's own secret of this name, else that of the job's virtual cluster."""

    model_config = ConfigDict(
        extra="forbid",
    )
    secret: str


class SecretValue(Model):
    """A secret's new value. No answer ever shows it again."""

    model_config = ConfigDict(
        extra="forbid",
    )
    value: str


class Secrets(Model):
    """All secrets of one holder, by name."""

    items: list[Secret]


class SeriesName(StrEnum):
    """
    Queued or running jobs; devices of a type that jobs hold, or that there are.
    """

    WAITING = "waiting"
    RUNNING = "running"
    USED = "used"
    TOTAL = "total"


class ServiceHealth(Model):
    """Whether one service can work."""

    ready: bool
    message: str = ""


class Session(Model):
    """Whom the browser is signed in as. What lets it in is a cookie, which no page can read."""

    name: str
    expires_in: int
    """Seconds until it stops counting."""


class Share(Model):
    """What one rank of a run gets: a node, and the indices of that node's devices."""

    node: str
    """One token of a subject."""

    rank: int = 0
    devices: list[int] = []
    executor: str | None = None
    """Who answers for what runs on the node; none: the node itself."""


class SignInMethods(Model):
    """How people sign in here."""

    password: bool
    """With a name and a password, at /api/v1/auth/session."""

    oidc: bool
    """At an OIDC issuer, from /api/v1/auth/oidc/start on."""

    issuer: str | None
    """The address of that issuer."""


class SlotHolder(Model):
    """The job that holds a device; everything is null for a job that the caller may not know of."""

    job_id: str | None
    name: str | None
    owner: str | None
    vc: str | None


class SshKey(Model):
    """A public key that lets its owner into jobs by SSH."""

    id: str
    name: str
    public_key: str
    """`ssh-ed25519 AAAA...`"""

    fingerprint: str
    """`SHA256:...`, as `ssh-keygen -l` shows it."""

    created_at: AwareDatetime


class SshKeys(Model):
    """One's own, oldest first."""

    items: list[SshKey]


class Stream(StrEnum):
    STDOUT = "stdout"
    STDERR = "stderr"


class SubmitVc(Model):
    """A virtual cluster that the caller may submit to, and what a submission there may ask for."""

    name: str
    role: Role
    open: bool
    """Members read one another's jobs."""

    max_priority: int
    default_priority: int
    """Without `priority`."""

    max_duration_s: int | None
    """null: any that the field takes, or none."""

    default_duration_s: int | None
    """Without `max_duration_s`; null: no limit."""

    jobs_per_user: int | None
    """Of the caller, that are not over; null: any number."""

    quota: dict[str, int]
    """Types without one are unbounded; there are no quotas yet."""

    secrets: list[str]
    """The names of its secrets."""


class Delivery(StrEnum):
    """
    `file`: no mail server is configured, so the mail is a file.
    """

    SMTP = "smtp"
    FILE = "file"


class SupportCase(Model):
    """A question to the operators, and whether they have it."""

    status: Progress
    tries: int
    """Begun so far."""

    last_error: str | None = None
    """Why the last try failed."""

    next_try: AwareDatetime | None = None
    """While it waits: the next try, if this one fails."""

    sent_at: AwareDatetime | None = None
    file: str | None = None
    """Without a mail server: the file that the mail was written to, below the data folder."""

    id: str
    """ULID, upper case."""

    job_id: str
    """ULID, upper case."""

    requester: str
    subject: str
    message: str
    include_logs: bool
    requested_at: AwareDatetime
    delivery: Delivery
    """`file`: no mail server is configured, so the mail is a file."""

    note: str
    """What happens to it, in a sentence."""


class SupportCases(Model):
    """Of one job, the newest first, at most 100."""

    items: list[SupportCase]


class SupportRequest(Model):
    """A question to the operators about a job."""

    model_config = ConfigDict(
        extra="forbid",
    )
    subject: str
    message: str
    include_logs: bool = True
    """Attach the last lines of the console."""


class Ticket(Model):
    url: str
    """Opens the endpoint once; the ticket stands in it."""

    expires_at: AwareDatetime


class Token(Model):
    """What to send as `Authorization: Bearer <access_token>`."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"
    expires_in: int
    """Seconds until it stops counting."""


class UsageGroup(StrEnum):
    """
    What lines are told apart by, beside the type of device.
    """

    DAY = "day"
    VC = "vc"
    OWNER = "owner"


class UsageLine(Model):
    """
    What was used, by what `group` tells apart and by type of device; the names that it does not are null.

    Hours of devices that were held, whatever came of it; of jobs without devices (`cpu`) those of their cores.
    """

    day: date | None
    """UTC."""

    vc: str | None
    owner: str | None
    device_type: str
    runs: int
    """Attempts that ended."""

    device_hours: float
    idle_hours: float
    """Of them, with a device use under 5 %. Always 0 of `cpu`."""

    unknown_hours: float
    """Of them, where use was not measured."""

    lost_to_preemption_hours: float
    """Of them, undone by a preemption: since the last checkpoint or the start."""

    lost_to_failure_hours: float
    """Of them, undone by a failure or a lost run, as far as checkpoints are known."""

    cpu_hours: float
    """Core-hours that were really used, as far as they were measured."""


class UsageSummary(Model):
    """What was used on the days from `first` to `last` (UTC). Attempts count once they are over."""

    first: date
    last: date
    group: list[UsageGroup]
    items: list[UsageLine]


class User(Model):
    """An account as administrators see it."""

    name: str
    email: str | None
    admin: bool
    disabled: bool
    vcs: dict[str, Role]
    issuer: bool
    """Signs in at the OIDC issuer, not with a password."""

    created_at: AwareDatetime


class UserChange(Model):
    """What to change of an account; what is left out stays."""

    model_config = ConfigDict(
        extra="forbid",
    )
    email: str | None = None
    """null: none."""

    vcs: dict[str, Role | None] = {}
    """Only these change; null takes one away."""

    admin: bool = False
    disabled: bool = False
    password: str | None = None
    """Ends what the account is signed in with."""


class Users(Model):
    """Accounts, by name."""

    items: list[User]
    next_cursor: str | None
    """`cursor` of the next page; null on the last one."""


class Vc(Model):
    """A virtual cluster."""

    name: str
    """Virtual cluster."""

    open: bool
    max_priority: int | None
    max_duration_s: int | None
    jobs_per_user: int | None
    endpoint_idle_s: int | None
    image: str | None = None
    created_at: AwareDatetime
    role: Role | None
    """The caller's own role in it."""


class VcChange(Model):
    """What to change of a virtual cluster; what is left out stays, null takes a bound away."""

    model_config = ConfigDict(
        extra="forbid",
    )
    open: bool = True
    """Members read one another's briefs, metrics and consoles."""

    max_priority: int | None = None
    """The highest that its members may take."""

    max_duration_s: int | None = None
    """The longest that its jobs may run."""

    jobs_per_user: int | None = None
    """How many jobs a member may have that are not over."""

    endpoint_idle_s: int | None = None
    """Seconds after which an endpoint that nobody uses closes."""

    image: str | None = None
    """What its jobs start in that name no image."""


class Vcs(Model):
    """Virtual clusters, by name."""

    items: list[Vc]


class WebhookSecret(Model):
    secret: str
    """As Standard Webhooks write it: `whsec_` and base64."""

    created_at: AwareDatetime


class Allocation(Model):
    """What a run holds: one share per rank, from 0 on. Several ranks may be on one node."""

    shares: list[Share]


class ApiToken(Model):
    """An API token that counts."""

    id: str
    name: str
    scope: Scope
    created_at: AwareDatetime


class ApiTokens(Model):
    """One's own, oldest first."""

    items: list[ApiToken]


class AuditEntry(Model):
    """One change: when, who, what, to which thing, and how it was before and after."""

    id: str
    version: int = 1
    time: AwareDatetime
    actor: str
    action: str
    target: str
    details: dict[str, Any] = {}
    request_id: str | None = None
    address: str | None = None
    token: str | None = None
    """The name of the API token that was used."""


class AuditPage(Model):
    """Changes that somebody made, newest first."""

    items: list[AuditEntry]
    next_cursor: str | None
    """`cursor` of the next page; null on the last one."""


class Blocker(Model):
    """A job that has something of what another one waits for, and how much of it."""

    id: str | None = None
    """None, as all that tells which job it is: of a virtual cluster that the reader is not in."""

    name: str | None = None
    owner: str | None = None
    vc: str | None = None
    state: Blocking
    """One of `promised` room waits too, and is ahead."""

    device_type: str
    devices: int
    cpus: float
    memory_mib: int
    since: AwareDatetime | None = None
    """When its run started; none: it has not yet."""


class Blockers(Model):
    """The nearest to giving room first; `more`: so many others are not named."""

    jobs: list[Blocker]
    more: int = 0


class CasePage(Model):
    """Cases, the newest first."""

    items: list[SupportCase]
    next_cursor: str | None = None
    """`cursor` of the next page; null on the last one."""


class ClusterDevices(Model):
    """A node's devices of one type."""

    device_type: str
    total: int
    used: int
    resting: int
    """Free, and left alone for a time after a refused start."""

    simulated: bool
    """They are counted and given out, but do not exist."""

    slots: list[SlotHolder | None]
    """Who holds each, by its index on the node; null: nobody."""


class ClusterNode(Model):
    """A node, and how much of it is taken."""

    name: str
    state: NodeState
    """`silent`: it has not reported for 30 s, and gets nothing new."""

    since: AwareDatetime | None
    """By its own clock: `ready` since it began to report, `silent` since its last report."""

    closed: Reason | None
    """Why it gets nothing new while its jobs go on, such as a cordon; null: it is open."""

    cpus: float | None
    """null, as `memory_mib`: it has not reported yet."""

    cpus_used: float
    memory_mib: int | None
    memory_mib_used: int
    """What jobs asked for; those that asked for none count nothing."""

    devices: list[ClusterDevices]


class ClusterQueue(Model):
    """Everybody's queue."""

    waiting: int
    by_reason: list[QueueReason]
    """Those of the most jobs first."""


class ClusterSeries(Model):
    """One line of a graph."""

    name: SeriesName
    device_type: str | None
    vc: str | None
    """null: of the whole yard."""

    values: list[float | None]
    """The i-th is the mean of the step that ends at `start + i * step`; null: nobody knows."""


class ClusterTotals(Model):
    """Over the whole yard, whoever's jobs."""

    nodes: int
    silent_nodes: int
    closed_nodes: int
    """Of those that are ready."""

    devices: list[DeviceTotal]


class Endpoint(Model):
    """A way into a job, as people see it."""

    job_id: str
    """ULID, upper case."""

    name: str
    """`ssh`, `jupyter`, `tensorboard`, or `port-<n>`."""

    kind: EndpointKind
    port: int | None = None
    """Of an interactive port: where the job's program listens."""

    rank: int = 0
    status: EndpointStatus
    url: str | None = None
    """Where a browser finds it; none for `ssh`."""

    command: str | None = None
    """A line for a terminal that leads in."""

    reason: Reason | None = None
    """Why it is where it is."""

    requested_by: str
    requested_at: AwareDatetime
    last_used_at: AwareDatetime | None = None
    last_used_by: str | None = None
    version: int
    """Counts a document's changes, from 1."""


class Endpoints(Model):
    """Of one job, in the order of their names."""

    items: list[Endpoint]


class JobFilter(Model):
    """Which jobs are meant: those that meet every condition, newest first."""

    model_config = ConfigDict(
        extra="forbid",
    )
    scope: Scope1 | None = None
    """`mine`, the default without `owner`; `all`: what you may act on in your virtual clusters."""

    status: list[JobStatus] = []
    """Default: those in which the action makes sense."""

    owner: str | None = None
    vc: str | None = None
    label: dict[str, str] = {}
    device_type: str | None = None
    preemptible: bool | None = None
    submitted_after: AwareDatetime | None = None
    """This moment or later."""

    submitted_before: AwareDatetime | None = None
    """Earlier than this moment."""

    finished_after: AwareDatetime | None = None
    """Over since this moment or later; of one user."""

    finished_before: AwareDatetime | None = None
    """Over since before this moment; likewise."""

    q: str | None = None
    """An id, or the beginning of a name."""


class JobRequest(Model):
    """What a person submits. Only `name` and `command` are required, and `command` not by a job with endpoints."""

    model_config = ConfigDict(
        extra="forbid",
    )
    name: str
    """Need not be unique."""

    command: str | list[str] | None = None
    """A line for `/bin/sh -c`, or a list of arguments. Not needed with endpoints or ports."""

    vc: str = "default"
    """Virtual cluster."""

    image: str | None = None
    """Container image; `process` ignores it."""

    env: Annotated[dict[str, str | SecretRef], Field(validate_default=True)] = {}
    data_path: str | None = None
    """Must exist; becomes `JOBYARD_DATA_PATH`."""

    work_path: str | None = None
    """Where the command starts; must exist. Default: job_path."""

    job_path: str | None = None
    """The job's own folder; default `jobs/<id>`."""

    checkpoint_path: str | None = None
    """Default: `checkpoints` under the job path."""

    device_type: str = "cpu"
    devices: int = 0
    """Accelerators per node."""

    nodes: int = 1
    """One rank on each; at most 64. Some may be the same machine."""

    cpus: float = 1
    """Per node."""

    memory_mib: int = 0
    """Per node; 0 is not counted."""

    preemptible: bool = False
    priority: int = 100
    """Higher runs first."""

    max_duration_s: int | None = None
    grace_period_s: int = 30
    """From SIGTERM to SIGKILL."""

    retries: int = 0
    labels: dict[str, str] = {}
    endpoints: list[EndpointsInSubmission] = []
    interactive_ports: list[int] = []
    notify: Annotated[list[NotifyEntry], Field(validate_default=True)] = []
    """Whom to tell what happens to it."""

    owner: str | None = None
    """At most your own name; usually left out."""


class JobState(Model):
    """What changes during a job's life; every history entry carries the state that it led to."""

    status: JobStatus
    priority: int
    reason: Reason | None = None
    then: JobStatus | None = None
    """Where pausing or killing leads."""

    attempt: int = 0
    """0 before the first placement, then from 1."""

    allocation: Allocation | None = None
    """Held while `status` is one of HOLDING."""

    started_at: AwareDatetime | None = None
    """Start of the current or last attempt."""

    finished_at: AwareDatetime | None = None
    """When the job became terminal."""

    exit_code: int | None = None
    """Of the last attempt; 128 + n for signal n."""

    due_at: AwareDatetime | None = None
    """While running: when the time limit's warning, then its end, is due."""

    not_before: AwareDatetime | None = None
    """It waits until then, for a retry or after a refused start."""

    failures: int = 0
    """Attempts that failed and used up a retry."""

    losses: int = 0
    """Runs that were lost, outside `retries`."""

    refusals: int = 0
    """Starts in a row that were refused for what no other node would mend."""

    log_lines: int = 0
    """Lines that the earlier attempts wrote."""


class JobUsage(Model):
    """
    What a job has used over all of its runs; it stays with the job for ever.

    `live`: a run is under way, and what it counts from its start (cpu_seconds, network, block I/O, dropped) and its
    last reported values are in it; its time, memory and devices come when it is over.
    """

    job_id: str
    """ULID, upper case."""

    runs: int = 0
    seconds: float = 0.0
    cpu_seconds: float | None = None
    cpu_mean: float | None = None
    """Cores, over the time it ran."""

    memory_peak_bytes: int | None = None
    memory_mean_bytes: float | None = None
    network: NetworkTotals | None = None
    block_read_bytes: int | None = None
    block_write_bytes: int | None = None
    device_hours: float = 0.0
    device_idle_share: float | None = None
    """Of the measured time; none: not measured."""

    device_measured_share: float | None = None
    device_utilization_mean: float | None = None
    device_memory_peak_bytes: int | None = None
    reported: dict[str, float] = {}
    """The last values."""

    not_finite: list[str] = []
    """Names whose last value is NaN or infinite; a diverged loss."""

    memory_bytes: int | None = None
    """At this moment, of a run that lives."""

    dropped: int = 0
    live: bool = False
    updated_at: AwareDatetime | None = None


class JobView(Model):
    """What the platform needs to know of a job, without its command, environment and paths."""

    id: str
    """ULID, upper case."""

    name: str
    owner: str
    vc: str
    """Virtual cluster."""

    device_type: str
    devices: int
    nodes: int
    cpus: float
    memory_mib: int
    preemptible: bool
    max_duration_s: int | None
    grace_period_s: int
    labels: dict[str, str]
    submitted_at: AwareDatetime
    version: int
    """Counts a document's changes, from 1."""

    state: JobState
    notifies: bool = False
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
    action: JobAction
    ids: list[str] | None = None
    filter: JobFilter | None = None
    priority: int | None = None
    """Only with the action `priority`."""

    cursor: str | None = None
    """Only with `filter`: `next_cursor` of the answer before."""

    dry_run: bool = False
    """Only with `filter`: name the jobs that are meant, change none."""


class LogLine(Model):
    seq: int
    time: AwareDatetime
    stream: Stream
    rank: int
    attempt: int
    """0 before the first placement, then from 1."""

    text: str


class LogTail(Model):
    """
    Lines of a console in order, and where lines are missing.

    Those that have not ended, as progress bars rewrite theirs, are no lines yet: the one that changed last is at the
    end, and `seq` is the number that one gets if it is the next of its rank to end.
    """

    lines: list[LogLine]
    gaps: list[LogGap]
    skipped: int = 0
    """Lines before these that are left out, lost ones among them: with `paced` alone."""

    unfinished: list[LogLine] | None = None
    """All lines that have not ended; null in a stream: as the event before said."""


class MadeApiToken(Model):
    """A new API token, with what to send as `Authorization: Bearer <token>`: shown this one time."""

    id: str
    name: str
    scope: Scope
    created_at: AwareDatetime
    token: str


class Me(Model):
    """Who is asking, as the platform sees it."""

    name: str
    admin: bool
    vcs: dict[str, Role]
    """Virtual clusters that this account belongs to."""

    scope: Scope
    """`read` with an API token that may only read."""

    grafana: str | None = None
    """The path of a job's dashboard, with `?var-job_id=<id>`; null: there is no Grafana."""


class NewApiToken(Model):
    """An API token to make."""

    model_config = ConfigDict(
        extra="forbid",
    )
    name: str
    scope: Scope
    """`read`: it changes nothing."""


class NewUser(Model):
    """An account to make."""

    model_config = ConfigDict(
        extra="forbid",
    )
    username: str
    password: str
    email: str | None = None
    vcs: dict[str, Role] = {}
    """Default: a member of `default`."""

    admin: bool = False


class Notification(Model):
    """One event told to one recipient."""

    status: Progress
    tries: int
    """Begun so far."""

    last_error: str | None = None
    """Why the last try failed."""

    next_try: AwareDatetime | None = None
    """While it waits: the next try, if this one fails."""

    sent_at: AwareDatetime | None = None
    file: str | None = None
    """Without a mail server: the file that the mail was written to, below the data folder."""

    id: str
    """`<job_id>.<version>.<number of the entry>`; also `webhook-id`."""

    job_id: str | None = None
    event: str
    """What happened, for instance `finished`."""

    to: str
    created_at: AwareDatetime


class Notifications(Model):
    """Of one job or one person, the newest first, at most 200."""

    items: list[Notification]


class Outcome(Model):
    """What became of one job: a 2xx status and its id, or the problem with it."""

    status: int
    id: str | None = None
    problem: Problem | None = None


class Outcomes(Model):
    """In the order of the submissions."""

    outcomes: list[Outcome]


class Readiness(Model):
    """Whether the platform can work, and which part keeps it from that."""

    ready: bool
    services: dict[str, ServiceHealth]


class Registries(Model):
    """All of a virtual cluster, by name."""

    items: list[Registry]


class SubmitOptions(Model):
    """What a submission may say. What nobody knows right now is null, and keeps no one from submitting."""

    vcs: list[SubmitVc]
    """By name."""

    device_types: list[OfferedDevices] | None
    """Beside `cpu`, which has no devices. null: the scheduler does not answer."""

    max_cpus: float | None
    """Of the largest node that reports."""

    max_memory_mib: int | None
    """Likewise, perhaps of another one."""

    uses_images: bool | None
    """Whether any node runs jobs in the image they name."""

    endpoints: list[str]
    notify: NotifyOptions | None
    """null: the notify service does not answer."""

    secrets: list[str]
    """The names of the caller's own."""

    path_roots: list[str]
    """Folders that paths may lead into, beside the storage of the platform."""

    request_bytes: int
    """The most that command and environment take together."""

    limits: dict[str, FieldLimit]
    """By field; `env.name` and `env.value` of what a map holds, `notify.to` of what a list does."""


class Batch(Model):
    """Up to 1,000 submissions at once, each accepted or refused for itself."""

    model_config = ConfigDict(
        extra="forbid",
    )
    jobs: list[JobRequest]


class Changes(Model):
    """What became of each job, in the order of the ids, or newest first by a filter."""

    outcomes: list[Outcome]
    matched: int
    """How many jobs this answer is about."""

    next_cursor: str | None = None
    """More jobs may match the filter: send it again with this as its `cursor`."""


class Cluster(Model):
    """The yard at this moment, as the caller may see it; at most a second old."""

    nodes: list[ClusterNode]
    """By name."""

    vcs: list[ClusterVc]
    """By name."""

    totals: ClusterTotals
    queue: ClusterQueue


class ClusterHistory(Model):
    """How the yard stood, of the last 7 days at most; sampled every 30 s. Without any sample there are no series."""

    start: AwareDatetime
    end: AwareDatetime
    step: float
    """Seconds."""

    series: list[ClusterSeries]


class Job(Model):
    """A whole job, and what the caller may do to it now."""

    name: str
    """Need not be unique."""

    command: str | list[str]
    """A line for `/bin/sh -c`, or a list of arguments."""

    vc: str = "default"
    """Virtual cluster."""

    image: str | None = None
    """Container image; `process` ignores it."""

    env: Annotated[dict[str, str | SecretRef], Field(validate_default=True)] = {}
    data_path: str | None = None
    """Must exist; becomes `JOBYARD_DATA_PATH`."""

    work_path: str | None = None
    """Where the command starts; must exist. Default: job_path."""

    job_path: str | None = None
    """The job's own folder; default `jobs/<id>`."""

    checkpoint_path: str | None = None
    """Default: `checkpoints` under the job path."""

    device_type: str = "cpu"
    devices: int = 0
    """Accelerators per node."""

    nodes: int = 1
    """One rank on each; at most 64. Some may be the same machine."""

    cpus: float = 1
    """Per node."""

    memory_mib: int = 0
    """Per node; 0 is not counted."""

    preemptible: bool = False
    priority: int = 100
    """Higher runs first."""

    max_duration_s: int | None = None
    grace_period_s: int = 30
    """From SIGTERM to SIGKILL."""

    retries: int = 0
    labels: dict[str, str] = {}
    endpoints: list[EndpointsInSubmission] = []
    interactive_ports: list[int] = []
    notify: Annotated[list[Notify], Field(validate_default=True)] = []
    """Whom to tell what happens to it."""

    id: str
    """ULID, upper case."""

    owner: str
    devices_total: int
    """Accelerators over all nodes."""

    status: JobStatus
    reason: Reason | None
    submitted_at: AwareDatetime
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    exit_code: int | None
    attempt: int
    """0 before the first placement, then from 1."""

    version: int
    """Counts a document's changes, from 1."""

    placement: list[Share] | None = None
    """Where its ranks are, from the placement to the run's end. Of a job that is asked for by id."""

    run_image: RunImage | None = None
    """What its runs start in; none: their node's default image, or none."""

    actions: list[Action] = []
    """What the caller may do to it now."""

    warnings: list[str] = []
    """Only in the answer to a submission: what will not be as it was asked for."""

    usage: JobUsage | None = None
    """What it has used in all, and the last values that it reported, as far as that is known."""

    blockers: Blockers | None = None
    """The jobs that have what it waits for. Only of one job that is asked for by its id."""


class JobEventData(Model):
    """The job as it was after the change, and who made it; the other fields belong to some types."""

    model_config = ConfigDict(
        extra="allow",
    )
    job: JobView
    actor: Actor
    launch: LaunchSpec | None = None
    """Only of `scheduled`."""

    previous: int | None = None
    """Only of `priority_changed`: the former priority."""

    receipt: Receipt | None = None
    """Only of `paused` and `preempted`: who stopped it, why, and what was lost."""

    usage: RunUsage | None = None
    """Only of a change that ended an attempt, and where METRICS may be read: what it has used."""

    lost_since: AwareDatetime | None = None
    """Only where the attempt failed or was lost: since when its work is lost with it."""


class JobMetrics(Model):
    """What a job used between two moments, one point each step."""

    series: list[JobSeries]
    source: Source
    """The platform keeps the last hour itself, Prometheus more."""

    start: AwareDatetime
    end: AwareDatetime
    step: float
    """Seconds."""

    simulated: bool | None
    """Whether its devices do not really exist and report nothing; null: not known."""

    summary: JobUsage | None
    """What it has used in all its runs, as far as it is known."""


class JobPage(Model):
    """Jobs in the order of their list. A page may be shorter than `limit` where few jobs of a long list match."""

    items: list[Job]
    total: int
    """How many jobs there are on all pages."""

    total_is: TotalIs
    """Counting stops at 10,000, or where no index can count."""

    next_cursor: str | None
    """`cursor` of the next page; null on the last one."""

    prev_cursor: str | None = None
    """`cursor` of the page before, which holds just what stands before; null on the first."""


class Validated(Model):
    """A submission that would be stored."""

    job: Job
    """As it would be; its `id` and times are examples, nothing was stored."""

    warnings: list[str]
    """What would keep it from running, or be done otherwise."""


class JobEvent(Model):
    """A change of a job, as a CloudEvent."""

    specversion: Literal["1.0"] = "1.0"
    id: str
    """`<job_id>:<version>`, `<job_id>.<attempt>:<fact>` or `<case_id>:<fact>`; also `Nats-Msg-Id`."""

    type: str
    """`io.jobyard.<noun>.<fact>.v1`"""

    source: str
    """The service that owns the fact, `/jobs` or `/executor/<node>`; or `/admin`."""

    subject: str
    """The job's id, or the node's name."""

    time: AwareDatetime
    datacontenttype: Literal["application/json"] = "application/json"
    jobversion: int | None = None
    """Apply the events of a job in this order."""

    correlationid: str | None = None
    """The request that started it all."""

    causationid: str | None = None
    """The event or command that led to this one."""

    traceparent: str | None = None
    """W3C trace context."""

    data: JobEventData


class JobEvents(Model):
    """Everything that happened to a job, in order."""

    items: list[JobEvent]
