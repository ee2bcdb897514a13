"""Changing jobs: what people want of one or of many, and whose they are."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from shared.contracts.base import Contract, JobId, UserName, VcName
from shared.contracts.commands.command import Command
from shared.contracts.errors import RefusalBody
from shared.contracts.job import Actor, Job, Reason


class ChangeJob(Contract):
    """Pause, resume or kill."""

    id: JobId
    actor: Actor
    reason: Annotated[Reason | None, Field(description="Why a service ends it; a person's wish needs none.")] = None
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


PAUSE = Command("cmd.jobs.pause.v1", ChangeJob, Job, "Stop with the grace period and keep for later.")


RESUME = Command("cmd.jobs.resume.v1", ChangeJob, Job, "Queue a paused job again.")


KILL = Command("cmd.jobs.kill.v1", ChangeJob, Job, "End it for good.")


SET_PRIORITY = Command("cmd.jobs.set_priority.v1", SetPriority, Job, "Change the order of the queue.")


OWNERS = Command("cmd.jobs.owners.v1", GetOwners, JobOwners, "Whose these jobs are.")


CHANGE = Command("cmd.jobs.change.v1", ChangeJobs, ChangeOutcomes, "Pause, resume, kill or move many jobs at once.")
