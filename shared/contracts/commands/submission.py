"""Submitting jobs."""

from typing import Annotated

from pydantic import Field

from shared.contracts.base import Contract, JobId, Traceparent, UserName
from shared.contracts.commands.command import Command
from shared.contracts.errors import RefusalBody
from shared.contracts.job import Actor, DeviceType, Job, JobRequest, Reason, RunImage


class NewJob(Contract):
    """A submission; the caller mints the id, so that a repeated command cannot make a second job."""

    id: JobId
    owner: UserName
    request: JobRequest
    actor: Annotated[Actor | None, Field(description="Who submits it; none: its owner.")] = None
    idempotency_key: Annotated[str | None, Field(min_length=1, max_length=255)] = None
    fingerprint: Annotated[str | None, Field(description="Hash of the body that came with the key.")] = None
    correlation_id: str | None = None
    traceparent: Traceparent | None = None
    most_open: Annotated[
        int | None, Field(ge=1, description="How many jobs of the owner in this VC may be open with it; none: any.")
    ] = None
    run_image: Annotated[RunImage | None, Field(description="What its runs are to start in.")] = None


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


SIMULATED_DEVICES = "simulated_devices"
"""The warning that every device of this type does not really exist."""


class Foresight(Contract):
    """What would be in its way for long, or not as it was asked for; what only takes its turn is not told."""

    warnings: tuple[Reason, ...] = ()
    beyond: Annotated[
        Reason | None, Field(description="One rank of it asks for more than any node has, were it empty.")
    ] = None


SUBMIT = Command("cmd.jobs.submit.v1", SubmitJobs, SubmitOutcomes, "Store new jobs.")
