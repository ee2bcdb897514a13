"""Events: facts in the past tense, each published by its one owner, as CloudEvents 1.0 in structured mode."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import Field, JsonValue

from shared.contracts.base import Attempt, Contract, JobId, NodeName, Timestamp, UserName, VcName, Version
from shared.contracts.endpoints import EndpointKind, EndpointName, Rank
from shared.contracts.job import Actor, JobView, LaunchSpec, Reason
from shared.contracts.metrics import RunUsage


class Receipt(Contract):
    """What it cost that a run was stopped before its end: who asked, why, by which rule, and the work lost with it."""

    by: Actor
    rule: Annotated[str, Field(description="`pause_command`, or the code of the scheduler's reason to preempt.")]
    why: Annotated[str, Field(description="The same in a sentence.")]
    held: Annotated[float, Field(ge=0, description="Devices over all nodes, or cpus of a job without devices.")]
    unit: Literal["device", "cpu"]
    minutes_lost: Annotated[float, Field(ge=0, description="`held` times the minutes since `lost_since`.")]
    stopped_at: Annotated[Timestamp | None, Field(description="The run's end; none: nothing was running.")] = None
    checkpoint_at: Annotated[Timestamp | None, Field(description="The last checkpoint, if any is known.")] = None
    lost_since: Annotated[Timestamp | None, Field(description="That checkpoint, or the run's start if later.")] = None


class JobEvent(Contract):
    """A change of a job: the job as it was after the change, and who made it."""

    fact: ClassVar[str]

    job: JobView
    actor: Actor


class RunOver(JobEvent):
    """A change that ended an attempt, or came to a job that had none under way."""

    usage: Annotated[
        RunUsage | None, Field(description="What the attempt has used that ended; none: none that had started did.")
    ] = None
    lost_since: Annotated[
        Timestamp | None,
        Field(description="Where it failed or was lost: its last checkpoint, as far as one is known, or its start."),
    ] = None


class JobSubmitted(JobEvent):
    fact = "submitted"


class JobScheduled(JobEvent):
    """Placed: the job holds its devices from here on, and the executor of its node starts the run."""

    fact = "scheduled"
    launch: LaunchSpec


class JobReturned(JobEvent):
    """The executor could not take it now; it is queued again."""

    fact = "returned"


class JobStarted(JobEvent):
    fact = "started"


class JobExpiring(JobEvent):
    """Still running, but its time limit is near: at `job.state.due_at` it is stopped."""

    fact = "expiring"


class JobPausing(JobEvent):
    """Told to stop with its grace period; `job.state.then` says whether it will be paused or queued."""

    fact = "pausing"


class JobPaused(RunOver):
    fact = "paused"
    receipt: Receipt | None = None


class JobResumed(JobEvent):
    fact = "resumed"


class JobPreempted(RunOver):
    fact = "preempted"
    receipt: Receipt | None = None


class JobRetried(RunOver):
    """Queued again after a failed or lost run; not before `job.state.not_before`."""

    fact = "retried"


class JobPriorityChanged(JobEvent):
    fact = "priority_changed"
    previous: int


class JobFinished(RunOver):
    fact = "finished"


class JobFailed(RunOver):
    fact = "failed"


class JobErrored(RunOver):
    fact = "errored"


class JobKilling(JobEvent):
    fact = "killing"


class JobKilled(RunOver):
    fact = "killed"


class RunEvent(Contract):
    """What an executor observed of a run, one attempt of a job."""

    fact: ClassVar[str]

    job_id: JobId
    vc: VcName
    attempt: Attempt
    node: NodeName

    @property
    def run_id(self) -> str:
        """The run's name everywhere: `<job_id>.<attempt>`."""
        return f"{self.job_id}.{self.attempt}"


class RunStarted(RunEvent):
    fact = "started"
    started_at: Timestamp
    pid: int | None = None
    uses_images: Annotated[
        bool | None, Field(description="False: it runs on the host itself, whatever image was asked for.")
    ] = None


class RunEnded(RunEvent):
    """How a run that had started came to its end."""

    started_at: Timestamp | None = None
    ended_at: Timestamp
    exit_code: Annotated[int | None, Field(description="128 + n for signal n; none if nothing ever ran.")] = None
    signal: str | None = None
    log_lines: Annotated[
        int, Field(ge=0, description="Lines that this attempt wrote; of several ranks, the one that wrote the most.")
    ] = 0
    checkpoint_at: Annotated[Timestamp | None, Field(description="The newest checkpoint in `checkpoint_path`.")] = None
    usage: Annotated[RunUsage | None, Field(description="What the run has used, as far as it was measured.")] = None


class RunExited(RunEnded):
    """It ended by itself, before anybody had told it to stop."""

    fact = "exited"
    rank: Annotated[
        int | None,
        Field(ge=0, description="Of several: the one that failed first, of which node and exit code are; else none."),
    ] = None


class RunStopped(RunEnded):
    """It ended after its supervisor had sent SIGTERM, whatever the exit code; or was stopped before it started."""

    fact = "stopped"
    forced: Annotated[bool, Field(description="The grace period ran out: SIGKILL.")] = False


class RunLost(RunEvent):
    """Gone without a result: its supervisor and processes do not exist any more."""

    fact = "lost"
    reason: Reason
    log_lines: Annotated[int, Field(ge=0)] = 0
    usage: Annotated[RunUsage | None, Field(description="What it had used by its last sample, if it had one.")] = None


class RunRefused(RunEvent):
    """Not started: `busy` is worth another try elsewhere or later, anything else is permanent."""

    fact = "refused"
    busy: bool
    own: Annotated[
        bool, Field(description="The cause is the job's own or its virtual cluster's: no other node would mend it.")
    ] = False
    reason: Reason
    log_lines: Annotated[int, Field(ge=0, description="What ranks wrote that had started.")] = 0


class SupportEvent(Contract):
    """What became of a question to the operators."""

    fact: ClassVar[str]

    case_id: JobId
    job_id: JobId
    vc: VcName
    requester: UserName
    subject: str
    tries: Annotated[int, Field(ge=0, description="Mails that were begun.")] = 0


class SupportRequested(SupportEvent):
    """Somebody asks the operators for help with a job."""

    fact = "requested"
    message: str
    include_logs: bool


class SupportSent(SupportEvent):
    """The mail server has the mail; without one, it lies in a file."""

    fact = "sent"
    delivery: Literal["smtp", "file"]


class SupportFailed(SupportEvent):
    """The mail could not be sent for a day; it is among the dead letters."""

    fact = "failed"
    error: str


class EndpointEvent(Contract):
    """A change of a way into a job, and who or what caused it."""

    fact: ClassVar[str]

    job_id: JobId
    vc: VcName
    owner: UserName
    name: EndpointName
    kind: EndpointKind
    port: int | None = None
    rank: Rank = 0
    actor: Actor
    reason: Reason | None = None


class EndpointRequested(EndpointEvent):
    """Asked for, or back to waiting because its run ended while the job goes on."""

    fact = "requested"


class EndpointReady(EndpointEvent):
    """It can be used while this attempt runs."""

    fact = "ready"
    attempt: Attempt


class EndpointFailed(EndpointEvent):
    """It cannot be had; `reason` says what is missing and what to do."""

    fact = "failed"


class EndpointClosing(EndpointEvent):
    """Nobody uses it, and at `closes_at` in the details of its reason it closes; using it keeps it."""

    fact = "closing"


class EndpointEntered(EndpointEvent):
    """The actor came in. Told at most once in ten minutes of the same person, address, and key or token."""

    fact = "entered"
    key: Annotated[str | None, Field(description="The name of the SSH key, if it was one.")] = None


class EndpointTicketIssued(EndpointEvent):
    """The actor was given a way in for a browser. Told as seldom."""

    fact = "ticket_issued"


class EndpointClosed(EndpointEvent):
    """Removed, idle for too long, or the job is over."""

    fact = "closed"


class NodeSize(Contract):
    """What a node has for anybody."""

    cpus: float
    memory_mib: int
    devices: dict[str, int]
    pods: Annotated[int | None, Field(description="As in NodeReported.")] = None


class NodeReported(Contract):
    """A node's inventory; also the value in the NODES bucket, renewed while the node lives."""

    fact: ClassVar[str] = "reported"

    node: NodeName
    boot_id: str
    cpus: float
    memory_mib: int
    devices: Annotated[dict[str, int], Field(description="Device type to count; indices run from 0.")]
    simulated: Annotated[tuple[str, ...], Field(description="Device types that do not really exist.")] = ()
    uses_images: Annotated[
        bool | None, Field(description="Whether runs start in the image that was asked for, or on the host itself.")
    ] = None
    reported_at: Timestamp
    since: Annotated[Timestamp | None, Field(description="When its executor began to report.")] = None
    executor: Annotated[
        NodeName | None, Field(description="Who answers for what runs here; none: the node itself.")
    ] = None
    whole: Annotated[
        NodeSize | None,
        Field(description="What it has where that is more than now: it is closed, or others use some of it."),
    ] = None
    devices_only: Annotated[bool, Field(description="Only runs that hold some of its devices may be there.")] = False
    closed: Annotated[
        Reason | None, Field(description="Why it gives out nothing, and `whole` says what it has; none: it is open.")
    ] = None
    pods: Annotated[
        int | None, Field(description="How many ranks may be there, each as a pod; none: as many as find room.")
    ] = None

    @property
    def answerer(self) -> str:
        """Whom to ask about a run that is here."""
        return self.executor or self.node


JOB_EVENTS: dict[str, type[JobEvent]] = {
    event.fact: event
    for event in (
        JobSubmitted,
        JobScheduled,
        JobReturned,
        JobStarted,
        JobExpiring,
        JobPausing,
        JobPaused,
        JobResumed,
        JobPreempted,
        JobRetried,
        JobPriorityChanged,
        JobFinished,
        JobFailed,
        JobErrored,
        JobKilling,
        JobKilled,
    )
}
RUN_EVENTS: dict[str, type[RunEvent]] = {
    event.fact: event for event in (RunStarted, RunExited, RunStopped, RunLost, RunRefused)
}
SUPPORT_EVENTS: dict[str, type[SupportEvent]] = {
    event.fact: event for event in (SupportRequested, SupportSent, SupportFailed)
}
ENDPOINT_EVENTS: dict[str, type[EndpointEvent]] = {
    event.fact: event
    for event in (
        EndpointRequested,
        EndpointReady,
        EndpointFailed,
        EndpointClosing,
        EndpointEntered,
        EndpointTicketIssued,
        EndpointClosed,
    )
}

Data = TypeVar("Data", bound=Contract)


class CloudEvent(Contract, Generic[Data]):
    """CloudEvents 1.0 in structured JSON, with the extensions that every event of Jobyard carries."""

    specversion: Literal["1.0"] = "1.0"
    id: Annotated[
        str,
        Field(
            description="`<job_id>:<version>`, `<job_id>.<attempt>:<fact>` or `<case_id>:<fact>`; also `Nats-Msg-Id`."
        ),
    ]
    type: Annotated[str, Field(description="`io.jobyard.<noun>.<fact>.v1`")]
    source: Annotated[
        str,
        Field(description="The service that owns the fact, `/jobs` or `/executor/<node>`; or `/admin`."),
    ]
    subject: Annotated[str, Field(description="The job's id, or the node's name.")]
    time: Timestamp
    datacontenttype: Literal["application/json"] = "application/json"
    jobversion: Annotated[Version | None, Field(description="Apply the events of a job in this order.")] = None
    correlationid: Annotated[str | None, Field(description="The request that started it all.")] = None
    causationid: Annotated[str | None, Field(description="The event or command that led to this one.")] = None
    traceparent: Annotated[str | None, Field(description="W3C trace context.")] = None
    data: Data


AnyCloudEvent = CloudEvent[Any]


def run_envelope(
    event: RunEvent, source: str, time: datetime, correlation_id: str | None, traceparent: str | None = None
) -> CloudEvent[RunEvent]:
    """A run's event as it travels; the same fact of the same run always has the same id, whoever says it."""
    return CloudEvent(
        id=f"{event.run_id}:{event.fact}",
        type=f"io.jobyard.run.{event.fact}.v1",
        source=source,
        subject=event.job_id,
        time=time,
        correlationid=correlation_id,
        traceparent=traceparent,
        data=event,
    )


Facts = dict[str, JsonValue]
"""What an event of a job says beside the view and the actor, for instance `{"previous": 100}`."""
