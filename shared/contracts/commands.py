"""Commands: requests to one owner, which may refuse them. Each constant at the end is one line of the whole list."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Generic, Literal, Self, TypeVar

from pydantic import ConfigDict, Field, model_validator

from shared.contracts.base import Attempt, Contract, JobId, NodeName, Timestamp, UserName, VcName, Version
from shared.contracts.endpoints import (
    AddEndpoint,
    Admit,
    Admitted,
    Endpoint,
    Endpoints,
    GetIdleLimits,
    IdleLimits,
    IssueTicket,
    ListEndpoints,
    RemoveEndpoint,
    Ticket,
)
from shared.contracts.errors import RefusalBody
from shared.contracts.events import AnyCloudEvent
from shared.contracts.job import (
    SECRETS,
    Actor,
    Allocation,
    DeviceType,
    Job,
    JobName,
    JobRequest,
    JobStatus,
    JobView,
    LabelKey,
    LabelValue,
    LaunchSpec,
    Reason,
    SecretName,
)
from shared.contracts.logs import LINES_KEPT, LogChunk, LogGap, LogLine
from shared.contracts.notify import (
    CheckNotify,
    GetWebhookSecret,
    ListCases,
    ListNotifications,
    Notifications,
    NotifyChecked,
    RequestSupport,
    SupportCase,
    SupportCases,
    WebhookSecret,
)
from shared.contracts.streams import OpenStream, StreamTicket

Ask = TypeVar("Ask", bound=Contract)
Answer = TypeVar("Answer", bound=Contract)


@dataclass(frozen=True)
class Command(Generic[Ask, Answer]):
    """A command's subject, what it takes and what it answers."""

    subject: str
    ask: type[Ask]
    answer: type[Answer]
    says: str

    @property
    def owner(self) -> str:
        """The service that answers; also the queue group that its replicas share."""
        return self.subject.split(".")[1]

    def at(self, place: str | int) -> "Command[Ask, Answer]":
        """The same command to the service on this node, or to those that have this log partition."""
        return Command(f"{self.subject}.{place}", self.ask, self.answer, self.says)


# --- submit


class NewJob(Contract):
    """A submission; the caller mints the id, so that a repeated command cannot make a second job."""

    id: JobId
    owner: UserName
    request: JobRequest
    actor: Annotated[Actor | None, Field(description="Who submits it; none: its owner.")] = None
    idempotency_key: Annotated[str | None, Field(min_length=1, max_length=255)] = None
    fingerprint: Annotated[str | None, Field(description="Hash of the body that came with the key.")] = None
    correlation_id: str | None = None
    most_open: Annotated[
        int | None, Field(ge=1, description="How many jobs of the owner in this VC may be open with it; none: any.")
    ] = None


class SubmitJobs(Contract):
    jobs: Annotated[tuple[NewJob, ...], Field(min_length=1)]
    with_jobs: Annotated[bool, Field(description="Answer with the jobs too, as far as a message has room.")] = False


class Submitted(Contract):
    """What became of one submission: stored (then `id`), or refused (then `refusal`)."""

    id: JobId | None = None
    replayed: Annotated[bool, Field(description="The key was known: this is the job of the first time.")] = False
    job: Job | None = None
    refusal: RefusalBody | None = None


class SubmitOutcomes(Contract):
    outcomes: Annotated[tuple[Submitted, ...], Field(description="In the order of the submissions.")]


class Foresee(Contract):
    """A submission as the scheduler would meet it, before it is stored."""

    device_type: DeviceType
    devices: int
    nodes: int
    cpus: float
    memory_mib: int
    image: str | None = None


class Foresight(Contract):
    """What would be in its way for long, or not as it was asked for; what only takes its turn is not told."""

    warnings: tuple[Reason, ...] = ()


# --- look up


class GetJob(Contract):
    id: JobId


class Column(StrEnum):
    """What a list can be sorted by: the columns that every list of jobs has, and the user."""

    ID = "id"
    NAME = "name"
    STATUS = "status"
    DEVICES = "devices"
    PREEMPTIBLE = "preemptible"
    PRIORITY = "priority"
    SUBMITTED = "submitted"
    STARTED = "started"
    FINISHED = "finished"
    USER = "user"


NEWEST_FIRST = "-submitted"
QUEUE_ORDER = "-priority"
"""Priority down, then the earlier submission, then the id: the order in which the scheduler looks at jobs."""

SortOrder = Annotated[
    str, Field(pattern=f"^-?({'|'.join(Column)})$", description="A column; `-` before it sorts it downwards.")
]


class ListJobs(Contract):
    """One person's jobs in any status (`owner`), or those of everybody that are not over; with conditions, all met."""

    owner: UserName | None = None
    vcs: Annotated[tuple[VcName, ...] | None, Field(max_length=1000, description="None: of any.")] = None
    statuses: Annotated[
        tuple[JobStatus, ...], Field(description="None named: all; without an owner, all that are not terminal.")
    ] = ()
    device_type: DeviceType | None = None
    preemptible: bool | None = None
    labels: Annotated[dict[LabelKey, LabelValue], Field(max_length=64)] = Field(default_factory=dict)
    submitted_after: Annotated[Timestamp | None, Field(description="This moment or later.")] = None
    submitted_before: Annotated[Timestamp | None, Field(description="Earlier than this moment.")] = None
    q: Annotated[JobName | None, Field(description="A job's id, or the beginning of its name.")] = None
    sort: SortOrder = NEWEST_FIRST
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    cursor: Annotated[str | None, Field(max_length=512)] = None
    with_total: bool = True


class JobPage(Contract):
    items: tuple[Job, ...]
    next_cursor: str | None = None
    total: int | None = None
    total_is: Literal["exact", "at_least"] = "exact"
    searched: Annotated[
        bool, Field(description="The page ended since enough jobs were looked at; `next_cursor` goes on from there.")
    ] = False


class GetJobEvents(Contract):
    id: JobId
    after_version: Version = 0


class JobEventPage(Contract):
    items: tuple[AnyCloudEvent, ...]
    more: bool = False


class ListActiveJobs(Contract):
    """Every job that is not terminal (or, with `node`, that holds something there), by id, in pages."""

    node: NodeName | None = None
    after_id: JobId | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 200


class ActiveJob(Contract):
    view: JobView
    launch: Annotated[LaunchSpec | None, Field(description="Only with `node`.")] = None


class ActiveJobPage(Contract):
    items: tuple[ActiveJob, ...]
    more: bool = False


class GetJobViews(Contract):
    """The views of these jobs, as many as fit in a message; an id that does not exist is left out."""

    ids: Annotated[tuple[JobId, ...], Field(max_length=200)]


class JobViews(Contract):
    items: tuple[JobView, ...]
    left: Annotated[tuple[JobId, ...], Field(description="Jobs that found no room: ask for them again.")] = ()


# --- change


class ChangeJob(Contract):
    """Pause, resume or kill."""

    id: JobId
    actor: Actor
    correlation_id: str | None = None


class SetPriority(ChangeJob):
    priority: Annotated[int, Field(ge=1, le=1000)]


class JobAction(StrEnum):
    """What people do to many jobs at once."""

    PAUSE = "pause"
    RESUME = "resume"
    KILL = "kill"
    PRIORITY = "priority"


MANY = 1000
"""The most jobs that one command may name."""


class GetOwners(Contract):
    """Whose these jobs are; an id that does not exist is left out."""

    ids: Annotated[tuple[JobId, ...], Field(max_length=MANY)]


class JobOwner(Contract):
    """All that one has to know of a job to say who may act on it."""

    id: JobId
    owner: UserName
    vc: VcName


class JobOwners(Contract):
    items: tuple[JobOwner, ...]


class ChangeJobs(Contract):
    """One wish for many jobs; each is changed or refused for itself."""

    ids: Annotated[tuple[JobId, ...], Field(min_length=1, max_length=MANY)]
    action: JobAction
    priority: Annotated[int | None, Field(ge=1, le=1000, description="Only with `priority`.")] = None
    actor: Actor
    correlation_id: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.action is JobAction.PRIORITY) != (self.priority is not None):
            raise ValueError("priority: belongs to the action 'priority', and to no other")
        return self


class Changed(Contract):
    """What became of one job: changed, or as it should be already; or refused."""

    id: JobId
    refusal: RefusalBody | None = None


class ChangeOutcomes(Contract):
    outcomes: Annotated[tuple[Changed, ...], Field(description="In the order of the ids.")]


# --- schedule


class Lead(Contract):
    """Be or become the leader. `seen` is the lease as this contender saw it stand still for the whole term."""

    contender: Annotated[str, Field(min_length=1, max_length=128)]
    seen: "Lease | None" = None


class Lease(Contract):
    """Who leads. `beat` rises while the holder lives; `epoch` rises with every new holder and fences its writes."""

    holder: str
    epoch: int
    beat: int


class Placement(Contract):
    id: JobId
    version: Annotated[Version, Field(description="The job's version that the plan was made for.")]
    allocation: Allocation


class Preemption(Contract):
    id: JobId
    version: Version
    reason: Reason


class Place(Contract):
    """One scheduling cycle's decisions. A leader of an older epoch changes nothing."""

    epoch: int
    placements: tuple[Placement, ...] = ()
    preemptions: tuple[Preemption, ...] = ()


class Placed(Contract):
    id: JobId
    done: Annotated[bool, Field(description="False: the job had moved on; plan again.")]
    view: Annotated[JobView | None, Field(description="The job as it is now.")] = None


class PlaceOutcomes(Contract):
    outcomes: tuple[Placed, ...]


class ExplainJobs(Contract):
    ids: Annotated[tuple[JobId, ...], Field(max_length=500)]


class Explanation(Contract):
    id: JobId
    reason: Reason


class Explanations(Contract):
    items: Annotated[tuple[Explanation, ...], Field(description="Only of jobs that wait.")]


# --- logs


class TailLog(Contract):
    """The last `tail` lines, or what came after message `after` of the LOGS stream."""

    job_id: JobId
    tail: Annotated[int, Field(ge=1, le=LINES_KEPT)] = LINES_KEPT
    after: Annotated[int, Field(ge=0, description="Stream sequence; 0: the whole ring.")] = 0
    before_seq: Annotated[int | None, Field(description="Only lines before this one: the page before.")] = None


class LogPage(Contract):
    """The newest lines that fit in a message; `more` says that older ones of the same tail were left out.

    Chunks travel as they were published, so that nobody decodes and encodes lines on the way; `lines` reads them.
    """

    chunks: tuple[Annotated[str, Field(description="The JSON of a LogChunk.")], ...]
    gaps: tuple[LogGap, ...] = ()
    more: bool = False
    position: Annotated[int, Field(description="Stream sequence up to which this is complete.")] = 0

    @property
    def lines(self) -> tuple[LogLine, ...]:
        """The page's lines, oldest first."""
        return tuple(line for chunk in self.chunks for line in LogChunk.model_validate_json(chunk).lines())


class ReadLog(Contract):
    """A piece of a run's whole output, as the executor keeps it."""

    job_id: JobId
    attempt: Attempt
    offset: Annotated[int, Field(ge=0)] = 0


class LogPiece(Contract):
    text: str
    next_offset: int
    end: bool


# --- checkpoints


class RunOf(Contract):
    """An attempt of a job."""

    job_id: JobId
    attempt: Attempt


class GetCheckpoints(Contract):
    """When these runs of one node have written their last checkpoints."""

    runs: Annotated[tuple[RunOf, ...], Field(max_length=MANY)]


class LastCheckpoint(RunOf):
    written_at: Annotated[Timestamp | None, Field(description="None: it has written none.")] = None


class Checkpoints(Contract):
    items: Annotated[tuple[LastCheckpoint, ...], Field(description="Only of runs that the node knows.")]


# --- secrets


class RevealSecrets(Contract):
    """The values that a job's environment names. Whose they are is read from the job, not from whoever asks."""

    job_id: JobId
    names: Annotated[tuple[SecretName, ...], Field(min_length=1, max_length=SECRETS)]


class RevealedSecrets(Contract):
    """As many as fit in a message, at least one; ask again for the rest. NotFound names one that is not there."""

    model_config = ConfigDict(hide_input_in_errors=True)

    values: Annotated[dict[str, str], Field(repr=False)]


class FindSecrets(Contract):
    """Texts that are about to leave the platform, and the job that they are about."""

    model_config = ConfigDict(hide_input_in_errors=True)

    job_id: JobId
    texts: Annotated[tuple[str, ...], Field(repr=False)]


class FoundSecrets(Contract):
    """What of the values of the job's secrets stands in these texts, and nothing else of them."""

    model_config = ConfigDict(hide_input_in_errors=True)

    found: Annotated[tuple[str, ...], Field(repr=False)]


# --- every service


class AskHealth(Contract):
    """Nothing to say: any replica answers for itself."""


class Health(Contract):
    service: str
    ready: bool
    message: str = ""


def health_of(service: str) -> Command[AskHealth, Health]:
    """Each service answers this one: whether it has what it needs to work."""
    return Command(f"cmd.{service}.health.v1", AskHealth, Health, "Whether the service can work.")


SUBMIT = Command("cmd.jobs.submit.v1", SubmitJobs, SubmitOutcomes, "Store new jobs.")
VALIDATE = Command(
    "cmd.jobs.validate.v1", NewJob, Submitted, "Whether a submission would be stored, and as what; nothing is."
)
GET = Command("cmd.jobs.get.v1", GetJob, Job, "One job.")
LIST = Command("cmd.jobs.list.v1", ListJobs, JobPage, "A page of jobs, by owner or of everybody.")
EVENTS = Command("cmd.jobs.events.v1", GetJobEvents, JobEventPage, "A job's own events, from the store.")
ACTIVE = Command("cmd.jobs.active.v1", ListActiveJobs, ActiveJobPage, "Jobs that are not over, for a rebuild.")
VIEWS = Command("cmd.jobs.views.v1", GetJobViews, JobViews, "What the platform knows of these jobs.")
PAUSE = Command("cmd.jobs.pause.v1", ChangeJob, Job, "Stop with the grace period and keep for later.")
RESUME = Command("cmd.jobs.resume.v1", ChangeJob, Job, "Queue a paused job again.")
KILL = Command("cmd.jobs.kill.v1", ChangeJob, Job, "End it for good.")
SET_PRIORITY = Command("cmd.jobs.set_priority.v1", SetPriority, Job, "Change the order of the queue.")
OWNERS = Command("cmd.jobs.owners.v1", GetOwners, JobOwners, "Whose these jobs are.")
CHANGE = Command("cmd.jobs.change.v1", ChangeJobs, ChangeOutcomes, "Pause, resume, kill or move many jobs at once.")
LEAD = Command("cmd.jobs.lead.v1", Lead, Lease, "Take or renew the scheduler's lease.")
PLACE = Command("cmd.jobs.place.v1", Place, PlaceOutcomes, "Place and preempt, fenced by the epoch.")
EXPLAIN = Command("cmd.scheduler.explain.v1", ExplainJobs, Explanations, "Why these jobs wait.")
FORESEE = Command("cmd.scheduler.foresee.v1", Foresee, Foresight, "What would keep a submission from running.")
TAIL_LOG = Command("cmd.logs.tail.v1", TailLog, LogPage, "The last lines of a job's console.")
CHECKPOINTS = Command(
    "cmd.executor.checkpoints.v1", GetCheckpoints, Checkpoints, "When runs on this node wrote their last checkpoints."
)
REVEAL = Command("cmd.gateway.reveal.v1", RevealSecrets, RevealedSecrets, "Secrets of a job that is being started.")
FIND_SECRETS = Command(
    "cmd.gateway.find_secrets.v1", FindSecrets, FoundSecrets, "What a text about a job must not show of its secrets."
)
TAIL_PARTITION = Command(
    "cmd.logs.tail_partition.v1", TailLog, LogPage, "The same, of whoever has the job's partition."
)
READ_LOG = Command("cmd.executor.read_log.v1", ReadLog, LogPiece, "A run's whole output, on its node.")
REQUEST_SUPPORT = Command("cmd.notify.request_support.v1", RequestSupport, SupportCase, "Ask the operators for help.")
SUPPORT_CASES = Command("cmd.notify.support_cases.v1", ListCases, SupportCases, "What was asked about a job.")
CHECK_NOTIFY = Command("cmd.notify.check.v1", CheckNotify, NotifyChecked, "Whether a job's notify list can be served.")
NOTIFICATIONS = Command("cmd.notify.notifications.v1", ListNotifications, Notifications, "Who was told about a job.")
WEBHOOK_SECRET = Command("cmd.notify.webhook_secret.v1", GetWebhookSecret, WebhookSecret, "A person's webhook secret.")
OPEN_STREAM = Command("cmd.executor.open_stream.v1", OpenStream, StreamTicket, "A stream into a run on this node.")
LIST_ENDPOINTS = Command("cmd.endpoints.list.v1", ListEndpoints, Endpoints, "The ways into a job.")
ADD_ENDPOINT = Command("cmd.endpoints.add.v1", AddEndpoint, Endpoint, "Ask for a way into a job.")
REMOVE_ENDPOINT = Command("cmd.endpoints.remove.v1", RemoveEndpoint, Endpoint, "Close a way into a job.")
ISSUE_TICKET = Command("cmd.endpoints.ticket.v1", IssueTicket, Ticket, "Let a browser in, once.")
IDLE_LIMITS = Command(
    "cmd.gateway.idle_limits.v1",
    GetIdleLimits,
    IdleLimits,
    "How long endpoints may be without use.",
)
ADMIT = Command("cmd.gateway.admit.v1", Admit, Admitted, "Whether somebody may use a job's endpoints.")

COMMANDS: tuple[Command[Contract, Contract], ...] = (
    SUBMIT,
    VALIDATE,
    GET,
    LIST,
    EVENTS,
    ACTIVE,
    VIEWS,
    PAUSE,
    RESUME,
    KILL,
    SET_PRIORITY,
    OWNERS,
    CHANGE,
    LEAD,
    PLACE,
    EXPLAIN,
    FORESEE,
    TAIL_LOG,
    TAIL_PARTITION,
    READ_LOG,
    CHECKPOINTS,
    REVEAL,
    FIND_SECRETS,
    REQUEST_SUPPORT,
    SUPPORT_CASES,
    CHECK_NOTIFY,
    NOTIFICATIONS,
    WEBHOOK_SECRET,
    OPEN_STREAM,
    LIST_ENDPOINTS,
    ADD_ENDPOINT,
    REMOVE_ENDPOINT,
    ISSUE_TICKET,
    IDLE_LIMITS,
    ADMIT,
)  # type: ignore[assignment]
