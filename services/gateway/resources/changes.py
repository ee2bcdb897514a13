"""What may be asked for jobs that are there: changes of one or many, help, and ways in."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from services.gateway.resources.body import Body
from shared.contracts.base import JobId, Timestamp, UserName, VcName
from shared.contracts.commands.changes import MANY, JobAction
from shared.contracts.endpoints import ASKED_NAME, NAMES, PORTS
from shared.contracts.job import (
    JobStatus,
    LabelKey,
    LabelValue,
)
from shared.contracts.notify import Message, Subject


class PriorityChange(Body):
    """A job's new priority."""

    priority: Annotated[int, Field(ge=1, le=1000, description="Higher runs first.")]


class JobFilter(Body):
    """Which jobs are meant: those that meet every condition, newest first."""

    scope: Annotated[
        Literal["mine", "all"] | None,
        Field(description="`mine`, the default without `owner`; `all`: what you may act on in your virtual clusters."),
    ] = None
    status: Annotated[
        tuple[JobStatus, ...], Field(max_length=10, description="Default: those in which the action makes sense.")
    ] = ()
    owner: UserName | None = None
    vc: VcName | None = None
    label: Annotated[dict[LabelKey, LabelValue], Field(max_length=64)] = Field(default_factory=dict)
    device_type: Annotated[str | None, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")] = None
    preemptible: bool | None = None
    submitted_after: Annotated[Timestamp | None, Field(description="This moment or later.")] = None
    submitted_before: Annotated[Timestamp | None, Field(description="Earlier than this moment.")] = None
    finished_after: Annotated[Timestamp | None, Field(description="Over since this moment or later; of one user.")] = (
        None
    )
    finished_before: Annotated[Timestamp | None, Field(description="Over since before this moment; likewise.")] = None
    q: Annotated[
        str | None,
        Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="An id, or the beginning of a name."),
    ] = None


class JobsChange(Body):
    """One wish for many jobs, named by their ids or by a filter."""

    action: JobAction
    ids: Annotated[tuple[JobId, ...] | None, Field(min_length=1, max_length=MANY)] = None
    filter: JobFilter | None = None
    priority: Annotated[int | None, Field(ge=1, le=1000, description="Only with the action `priority`.")] = None
    cursor: Annotated[
        str | None, Field(max_length=512, description="Only with `filter`: `next_cursor` of the answer before.")
    ] = None
    dry_run: Annotated[bool, Field(description="Only with `filter`: name the jobs that are meant, change none.")] = (
        False
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.ids is None) == (self.filter is None):
            raise ValueError("ids: give either ids or a filter")
        if self.ids is not None and len(set(self.ids)) < len(self.ids):
            raise ValueError("ids: must not name a job twice; remove the repetition")
        if self.ids is not None and (self.cursor is not None or self.dry_run):
            raise ValueError("ids: cursor and dry_run belong to a filter; leave them out")
        if (self.action is JobAction.PRIORITY) != (self.priority is not None):
            raise ValueError("priority: is needed by the action 'priority', and taken by no other")
        return self


class SupportRequest(Body):
    """A question to the operators about a job."""

    subject: Subject
    message: Message
    include_logs: Annotated[bool, Field(description="Attach the last lines of the console.")] = True


class NewEndpoint(Body):
    """A way into a job: `ssh`, `jupyter`, `tensorboard`, `port-8080`; or `port` and the number beside it."""

    name: Annotated[str, Field(pattern=ASKED_NAME)]
    port: Annotated[int | None, Field(ge=PORTS[0], le=PORTS[1], description="Only of an interactive port.")] = None
    rank: Annotated[int, Field(ge=0, le=1023, description="Which of the job's nodes it leads to.")] = 0

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        number = int(self.name[5:]) if self.name.startswith("port-") else None
        if number is not None and not PORTS[0] <= number <= PORTS[1]:
            raise ValueError(f"name: must be {NAMES}")
        if self.name == "port" and self.port is None:
            raise ValueError("port: is required with the name 'port'")
        if self.name != "port" and self.port not in (None, number):
            raise ValueError(f"port: must be left out with the name '{self.name}'")
        return self

    @property
    def full_name(self) -> str:
        """The endpoint's own name."""
        return f"port-{self.port}" if self.name == "port" else self.name
