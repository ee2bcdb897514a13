"""Who leads, what goes where, and why a job waits."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from shared.contracts.base import Contract, JobId, Timestamp, Traceparent, UserName, VcName, Version
from shared.contracts.commands.command import Command
from shared.contracts.commands.submission import Foresee, Foresight
from shared.contracts.job import Allocation, JobView, Reason


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
    traceparent: Traceparent | None = None


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
    blockers_of: Annotated[
        JobId | None, Field(description="One of them: the jobs that have what it waits for are named too.")
    ] = None


BLOCKERS_NAMED = 20
"""The most jobs that an explanation names."""


class Blocking(StrEnum):
    """How a job is in the way: it `holds` something; it `leaves`, so that this comes back; room is `promised` to it."""

    HOLDS = "holds"
    LEAVES = "leaves"
    PROMISED = "promised"


class Blocker(Contract):
    """A job that has something of what another one waits for, and how much of it."""

    id: Annotated[
        JobId | None,
        Field(description="None, as all that tells which job it is: of a virtual cluster that the reader is not in."),
    ] = None
    name: str | None = None
    owner: UserName | None = None
    vc: VcName | None = None
    state: Annotated[Blocking, Field(description="One of `promised` room waits too, and is ahead.")]
    device_type: str
    devices: Annotated[int, Field(ge=0)]
    cpus: float
    memory_mib: int
    since: Annotated[Timestamp | None, Field(description="When its run started; none: it has not yet.")] = None


class Blockers(Contract):
    """The nearest to giving room first; `more`: so many others are not named."""

    jobs: Annotated[tuple[Blocker, ...], Field(max_length=BLOCKERS_NAMED)]
    more: Annotated[int, Field(ge=0)] = 0


class Explanation(Contract):
    id: JobId
    reason: Reason
    blockers: Annotated[
        Blockers | None, Field(description="Only where they were asked for; none: no job has what it waits for.")
    ] = None


class Explanations(Contract):
    items: Annotated[tuple[Explanation, ...], Field(description="Only of jobs that wait.")]


LEAD = Command("cmd.jobs.lead.v1", Lead, Lease, "Take or renew the scheduler's lease.")


PLACE = Command("cmd.jobs.place.v1", Place, PlaceOutcomes, "Place and preempt, fenced by the epoch.")


EXPLAIN = Command("cmd.scheduler.explain.v1", ExplainJobs, Explanations, "Why these jobs wait.")


FORESEE = Command("cmd.scheduler.foresee.v1", Foresee, Foresight, "What would keep a submission from running.")
