"""Looking at jobs: one, its events, and what the services themselves need to know of many."""

from typing import Annotated

from pydantic import Field

from shared.contracts.base import Contract, JobId, NodeName, Version
from shared.contracts.commands.command import Command
from shared.contracts.commands.submission import NewJob, Submitted
from shared.contracts.events import AnyCloudEvent
from shared.contracts.job import Job, JobView, LaunchSpec


class GetJob(Contract):
    id: JobId


class GetJobEvents(Contract):
    id: JobId
    after_version: Version = 0


class JobEventPage(Contract):
    items: tuple[AnyCloudEvent, ...]
    more: bool = False


class ListActiveJobs(Contract):
    """Every job that is not terminal (or, with `node`, whose run that node's executor answers for), by id, paged."""

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


VALIDATE = Command(
    "cmd.jobs.validate.v1", NewJob, Submitted, "Whether a submission would be stored, and as what; nothing is."
)


GET = Command("cmd.jobs.get.v1", GetJob, Job, "One job.")


EVENTS = Command("cmd.jobs.events.v1", GetJobEvents, JobEventPage, "A job's own events, from the store.")


ACTIVE = Command("cmd.jobs.active.v1", ListActiveJobs, ActiveJobPage, "Jobs that are not over, for a rebuild.")


VIEWS = Command("cmd.jobs.views.v1", GetJobViews, JobViews, "What the platform knows of these jobs.")
