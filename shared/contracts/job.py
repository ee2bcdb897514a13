"""The job: what a person asks for (`JobRequest`), what the platform adds (`JobState`), and both together (`Job`)."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, JsonValue, model_validator

from shared.contracts.base import Attempt, Contract, JobId, NodeName, Timestamp, UserName, VcName, Version
from shared.contracts.images import checked, no_id
from shared.contracts.notify import NOTIFY_ENTRIES, Notify


class JobStatus(StrEnum):
    """Where a job is in its life; the transitions stand in `services/jobs/domain/machine.py`."""

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


TERMINAL = frozenset({JobStatus.FINISHED, JobStatus.FAILED, JobStatus.ERROR, JobStatus.KILLED})
"""A status that never changes again."""

HOLDING = frozenset({JobStatus.SCHEDULING, JobStatus.RUNNING, JobStatus.PAUSING, JobStatus.KILLING})
"""A status in which a job holds its devices: from the placement until the run's end has been observed."""


class Reason(Contract):
    """Why a job is where it is: a constant for programs, a sentence for people, and the figures behind it."""

    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    message: str
    details: dict[str, JsonValue] = Field(default_factory=dict)


START_REFUSED = "start_refused"
"""A reason's code: the job is held for a while, since its start was refused for what no other node would mend."""

SERVED, FOREIGN, NODE, PLACES = "for", "foreign", "node", "places"
"""Details of a preemption's reason: the job that gets the room; that it is of another VC, so that only services may
read which it is and where it goes; where the room is, and for a gang how many ranks go to which node."""


def without_foreign(details: Mapping[str, Any]) -> dict[str, Any]:
    """A reason's details as they may leave the platform: neither the id nor the places of another VC's job."""
    hidden = (FOREIGN, SERVED, NODE, PLACES) if FOREIGN in details else ()
    return {name: value for name, value in details.items() if name not in hidden}


def _is_none(value: object) -> bool:
    return value is None


class Actor(Contract):
    """Who acted: a person, or a service of the platform. `address` and `token` are for the audit alone."""

    kind: Literal["user", "service"]
    name: str
    address: Annotated[
        str | None, Field(exclude_if=_is_none, description="Where the person's request came from, if that is known.")
    ] = None
    token: Annotated[
        str | None, Field(exclude_if=_is_none, description="The name of the API token that it brought.")
    ] = None

    @property
    def named(self) -> "Actor":
        """The same as everybody may see it."""
        return Actor(kind=self.kind, name=self.name)


def without_origin(actor: Mapping[str, Any]) -> dict[str, Any]:
    """An Actor's plain data as everybody may see it: not where the request came from, nor with which token."""
    return {name: value for name, value in actor.items() if name not in ("address", "token")}


class Share(Contract):
    """What one rank of a run gets: a node, and the indices of that node's devices."""

    node: NodeName
    rank: Annotated[int, Field(ge=0)] = 0
    devices: tuple[int, ...] = ()
    executor: Annotated[
        NodeName | None,
        Field(exclude_if=_is_none, description="Who answers for what runs on the node; none: the node itself."),
    ] = None

    @property
    def answerer(self) -> str:
        """Whom to ask about this rank. All ranks of a run have the same one."""
        return self.executor or self.node


class Allocation(Contract):
    """What a run holds: one share per rank, from 0 on. Several ranks may be on one node."""

    shares: tuple[Share, ...]

    @property
    def answerer(self) -> str:
        """Whom to ask about the run: an executor answers for whole runs."""
        return self.shares[0].answerer


CPU = "cpu"
"""The device type of a job that asks for no accelerator."""

T = TypeVar("T")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ENCODED = re.compile(r"%(25)*(00|2e|2f|5c)", re.IGNORECASE)


def _no_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain a NUL character; remove it")
    return text


def _plain_path(path: str) -> str:
    if _CONTROL.search(path):
        raise ValueError("must not contain control characters; remove them")
    if ".." in path.split("/") or "\\" in path or _ENCODED.search(path):
        raise ValueError("must not leave its root; write the path without '..', backslashes or encoded characters")
    return path


def _unique(items: tuple[T, ...]) -> tuple[T, ...]:
    if len(set(items)) != len(items):
        raise ValueError("must not name the same thing twice; remove the repetition")
    return items


def _at_most_ranks(nodes: int) -> int:
    if nodes > RANKS:
        raise ValueError(f"a job has at most {RANKS}; ask for fewer, with more devices on each")
    return nodes


PATH_LENGTH = 1024

Path = Annotated[str, Field(min_length=1, max_length=PATH_LENGTH), AfterValidator(_plain_path)]
Argument = Annotated[str, Field(max_length=65_536), AfterValidator(_no_nul)]
Command = (
    Annotated[str, Field(min_length=1, max_length=65_536), AfterValidator(_no_nul)]
    | Annotated[tuple[Argument, ...], Field(min_length=1, max_length=1024)]
)
EnvName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]
EnvValue = Annotated[str, Field(max_length=32_768), AfterValidator(_no_nul)]
SecretName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$")]
JobName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
DeviceType = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
LabelKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9_/-]{0,61}[A-Za-z0-9])?$")]
LabelValue = Annotated[str, Field(pattern=r"^[A-Za-z0-9._@/+=-]{0,63}$")]

GIVES_DEVICES = frozenset(
    {
        "ASCEND_RUNTIME_OPTIONS",
        "ASCEND_VISIBLE_DEVICES",
        "ASCEND_VNPU_SPECS",
        "NVIDIA_GDRCOPY",
        "NVIDIA_GDS",
        "NVIDIA_IMEX_CHANNELS",
        "NVIDIA_MIG_CONFIG_DEVICES",
        "NVIDIA_MIG_MONITOR_DEVICES",
        "NVIDIA_MOFED",
        "NVIDIA_NVSWITCH",
        "NVIDIA_VISIBLE_DEVICES",
    }
)
"""Variables by which container runtimes give devices away: never a job's to say."""

SAID_BY_PLATFORM = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "CUDA_VISIBLE_DEVICES")
"""Variables that programs read and that a run has from the platform, whatever its job says."""

SECRETS = 64
"""The most that one job names."""

Image = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,254}$"), AfterValidator(checked)]
"""The name of a container image (see `images`)."""
NewImage = Annotated[Image, AfterValidator(no_id)]
"""One that somebody says now."""

OfferedEndpoint = Literal["ssh", "jupyter", "tensorboard"]

PRIORITY = 1000
"""The highest."""

RANKS = 64
"""The most nodes that a job may have."""

DEVICES = 4096
"""The most devices over all nodes: an allocation names each of them, and has to fit in a message many times over."""

REQUEST_BYTES = 131_072
"""The largest command and environment together: a job has to fit in a message many times over."""


IDLE = "trap 'exit 0' TERM INT; sleep infinity & wait"
"""What a job runs that people only want to get into: nothing, until it is told to stop."""


class JobRequest(Contract):
    """What a person submits. Only `name` and `command` are required."""

    name: Annotated[JobName, Field(description="Need not be unique.")]
    command: Annotated[Command, Field(description="A line for `/bin/sh -c`, or a list of arguments.")]
    vc: VcName = "default"
    image: Annotated[Image | None, Field(description="Container image; `process` ignores it.")] = None
    env: Annotated[dict[EnvName, EnvValue], Field(max_length=256)] = Field(default_factory=dict)
    secrets: Annotated[
        dict[EnvName, SecretName],
        Field(
            max_length=SECRETS,
            description="Variables whose values are secrets, by their names; the owner's, else the VC's.",
        ),
    ] = Field(default_factory=dict)
    data_path: Annotated[Path | None, Field(description="Must exist; becomes `JOBYARD_DATA_PATH`.")] = None
    work_path: Annotated[Path | None, Field(description="Where the command starts; must exist. Default: job_path.")] = (
        None
    )
    job_path: Annotated[Path | None, Field(description="The job's own folder; default `jobs/<id>`.")] = None
    checkpoint_path: Annotated[Path | None, Field(description="Default: `checkpoints` under the job path.")] = None
    device_type: DeviceType = CPU
    devices: Annotated[int, Field(ge=0, le=1024, description="Accelerators per node.")] = 0
    nodes: Annotated[
        int,
        Field(
            ge=1,
            json_schema_extra={"maximum": 1024},  # of the first versions, and never less in a schema
            description=f"One rank on each; at most {RANKS}. Some may be the same machine.",
        ),
        AfterValidator(_at_most_ranks),
    ] = 1
    cpus: Annotated[float, Field(ge=0.01, le=4096, description="Per node.")] = 1
    memory_mib: Annotated[
        int,
        Field(
            ge=0,
            le=67_108_864,
            description="Per node. 0: the scheduler counts none; in containers the operators' default is the limit.",
        ),
    ] = 0
    preemptible: bool = False
    priority: Annotated[int, Field(ge=1, le=PRIORITY, description="Higher runs first.")] = 100
    max_duration_s: Annotated[int | None, Field(ge=1, le=315_360_000)] = None
    grace_period_s: Annotated[int, Field(ge=0, le=3600, description="From SIGTERM to SIGKILL.")] = 30
    retries: Annotated[int, Field(ge=0, le=100)] = 0
    labels: Annotated[dict[LabelKey, LabelValue], Field(max_length=64)] = Field(default_factory=dict)
    endpoints: Annotated[tuple[OfferedEndpoint, ...], Field(max_length=3), AfterValidator(_unique)] = ()
    interactive_ports: Annotated[
        tuple[Annotated[int, Field(ge=1024, le=65535)], ...], Field(max_length=32), AfterValidator(_unique)
    ] = ()
    notify: Annotated[
        tuple[Notify, ...], Field(max_length=NOTIFY_ENTRIES, description="Whom to tell what happens to it.")
    ] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.device_type == CPU and self.devices > 0:
            raise ValueError("devices: above 0 needs a device_type other than 'cpu', for example 'v100'")
        if self.device_type != CPU and self.devices == 0:
            raise ValueError(f"devices: must be at least 1 for device_type '{self.device_type}'")
        if self.devices * self.nodes > DEVICES:
            raise ValueError(f"devices: over all nodes a job has at most {DEVICES}; ask for fewer, or fewer nodes")
        if any(name.startswith("JOBYARD_") for name in (*self.env, *self.secrets)):
            raise ValueError("env: names that begin with JOBYARD_ are the platform's own; choose another name")
        if both := self.env.keys() & self.secrets.keys():
            raise ValueError(f"secrets: '{min(both)}' has a value in env too; keep one of them")
        size = sum(len(text.encode()) for text in self.texts())
        if size > REQUEST_BYTES:
            raise ValueError(f"command: with env it takes {size} bytes, above {REQUEST_BYTES}; put it into a file")
        return self

    def texts(self) -> Iterator[str]:
        """The command and the environment, which together may take REQUEST_BYTES."""
        yield from (self.command,) if isinstance(self.command, str) else self.command
        for variable, text in (*self.env.items(), *self.secrets.items()):
            yield variable
            yield text


class JobState(Contract):
    """What changes during a job's life; every history entry carries the state that it led to."""

    status: JobStatus
    priority: int
    reason: Reason | None = None
    then: Annotated[JobStatus | None, Field(description="Where pausing or killing leads.")] = None
    attempt: Attempt = 0
    allocation: Annotated[Allocation | None, Field(description="Held while `status` is one of HOLDING.")] = None
    started_at: Annotated[Timestamp | None, Field(description="Start of the current or last attempt.")] = None
    finished_at: Annotated[Timestamp | None, Field(description="When the job became terminal.")] = None
    exit_code: Annotated[int | None, Field(description="Of the last attempt; 128 + n for signal n.")] = None
    due_at: Annotated[
        Timestamp | None, Field(description="While running: when the time limit's warning, then its end, is due.")
    ] = None
    not_before: Annotated[
        Timestamp | None, Field(description="It waits until then, for a retry or after a refused start.")
    ] = None
    failures: Annotated[int, Field(ge=0, description="Attempts that failed and used up a retry.")] = 0
    losses: Annotated[int, Field(ge=0, description="Runs that were lost, outside `retries`.")] = 0
    refusals: Annotated[
        int, Field(ge=0, description="Starts in a row that were refused for what no other node would mend.")
    ] = 0
    log_lines: Annotated[int, Field(ge=0, description="Lines that the earlier attempts wrote.")] = 0


class RunImage(Contract):
    """The image that all runs of a job start in, as it was found out when the job was submitted."""

    reference: Annotated[
        str, Field(max_length=512, description="By its digest, so that no tag that is moved changes it; else as named.")
    ]
    of_vc: Annotated[bool, Field(description="The submission named none: it is the virtual cluster's.")] = False
    unpinned: Annotated[
        Reason | None, Field(description="Why its tag may mean another image in a later run; none: it has a digest.")
    ] = None
    login: Annotated[
        str | None, Field(description="The registry where it is pulled with the virtual cluster's credentials.")
    ] = None


class Job(JobRequest):
    """A whole job, as its owner sees it."""

    id: JobId
    owner: UserName
    devices_total: Annotated[int, Field(description="Accelerators over all nodes.")]
    status: JobStatus
    reason: Reason | None
    submitted_at: Timestamp
    started_at: Timestamp | None
    finished_at: Timestamp | None
    exit_code: int | None
    attempt: Attempt
    version: Version
    placement: Annotated[
        tuple[Share, ...] | None,
        Field(
            exclude_if=_is_none,
            description="Where its ranks are, from the placement to the run's end. Of a job that is asked for by id.",
        ),
    ] = None
    run_image: Annotated[
        RunImage | None,
        Field(exclude_if=_is_none, description="What its runs start in; none: their node's default image, or none."),
    ] = None


class JobView(Contract):
    """What the platform needs to know of a job, without its command, environment and paths."""

    id: JobId
    name: str
    owner: UserName
    vc: VcName
    device_type: str
    devices: int
    nodes: int
    cpus: float
    memory_mib: int
    preemptible: bool
    max_duration_s: int | None
    grace_period_s: int
    labels: dict[str, str]
    submitted_at: Timestamp
    version: Version
    state: JobState
    notifies: Annotated[bool, Field(description="Somebody wants to be told; whom, only its owner sees.")] = False
    endpoints: Annotated[tuple[str, ...], Field(description="Those that it was submitted with.")] = ()
    interactive_ports: Annotated[tuple[int, ...], Field(description="Likewise.")] = ()


class LaunchSpec(Contract):
    """What an executor needs to start a run, beside the view and its allocation."""

    command: str | tuple[str, ...]
    image: str | None
    env: dict[str, str]
    data_path: str | None
    work_path: str | None
    job_path: Annotated[str | None, Field(description="None: `jobs/<id>`, in launches of the first versions.")]
    checkpoint_path: Annotated[str | None, Field(description="None: `checkpoints` under the job path, likewise.")]
    secrets: Annotated[
        dict[str, str], Field(description="Variables whose values the executor asks for: name -> name of a secret.")
    ] = Field(default_factory=dict)
    login: Annotated[
        str | None,
        Field(
            exclude_if=_is_none,
            description="The registry for which the executor asks for the virtual cluster's credentials.",
        ),
    ] = None


HIDDEN = "***"
"""What stands where a value is withheld."""


def without_values(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The names of an environment without its values."""
    return dict.fromkeys(variables, HIDDEN)


def without_environment(launch: Mapping[str, Any]) -> dict[str, Any]:
    """A LaunchSpec's plain data with its environment's names alone: neither values nor which secrets stand for them."""
    return {**launch, **{field: without_values(launch[field]) for field in ("env", "secrets") if launch.get(field)}}
