"""Who leads, what goes where, and why a job waits."""

from typing import Annotated

from pydantic import Field

from shared.contracts.base import Contract, JobId, Traceparent, Version
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


class Explanation(Contract):
    id: JobId
    reason: Reason


class Explanations(Contract):
    items: Annotated[tuple[Explanation, ...], Field(description="Only of jobs that wait.")]


LEAD = Command("cmd.jobs.lead.v1", Lead, Lease, "Take or renew the scheduler's lease.")


PLACE = Command("cmd.jobs.place.v1", Place, PlaceOutcomes, "Place and preempt, fenced by the epoch.")


EXPLAIN = Command("cmd.scheduler.explain.v1", ExplainJobs, Explanations, "Why these jobs wait.")


FORESEE = Command("cmd.scheduler.foresee.v1", Foresee, Foresight, "What would keep a submission from running.")
