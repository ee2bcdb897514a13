"""Jobs as a caller sees them: one, a page, their events and their consoles."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from services.gateway.domain.access import Action
from services.gateway.resources.submissions import EnvEntry, _by_name
from shared.contracts import job as contract
from shared.contracts.base import Contract, Timestamp
from shared.contracts.commands.scheduling import Blockers
from shared.contracts.events import CloudEvent, Receipt
from shared.contracts.job import (
    Actor,
    JobView,
    LaunchSpec,
)
from shared.contracts.logs import LogGap, LogLine
from shared.contracts.metrics import JobUsage, RunUsage


class Job(contract.Job):
    """A whole job, and what the caller may do to it now."""

    env: dict[str, EnvEntry] = Field(default_factory=dict)  # type: ignore[assignment]
    secrets: SkipJsonSchema[dict[str, str]] = Field(default_factory=dict, exclude=True)
    actions: Annotated[tuple[Action, ...], Field(description="What the caller may do to it now.")] = ()
    warnings: Annotated[
        tuple[str, ...], Field(description="Only in the answer to a submission: what will not be as it was asked for.")
    ] = ()
    usage: Annotated[
        JobUsage | None,
        Field(description="What it has used in all, and the last values that it reported, as far as that is known."),
    ] = None
    blockers: Annotated[
        Blockers | None,
        Field(description="The jobs that have what it waits for. Only of one job that is asked for by its id."),
    ] = None

    def texts(self) -> Iterator[str]:
        return _by_name(super().texts())


class Validated(Contract):
    """A submission that would be stored."""

    job: Annotated[Job, Field(description="As it would be; its `id` and times are examples, nothing was stored.")]
    warnings: Annotated[tuple[str, ...], Field(description="What would keep it from running, or be done otherwise.")]


class Checkpoint(Contract):
    """The last checkpoint of a job's present run. `known` false: none is under way, or its node does not say."""

    known: bool
    written_at: Annotated[Timestamp | None, Field(description="None, where it is known: it has written none.")] = None


class JobPage(Contract):
    """Jobs in the order of their list. A page may be shorter than `limit` where few jobs of a long list match."""

    items: tuple[Job, ...]
    total: Annotated[int, Field(description="How many jobs there are on all pages.")]
    total_is: Annotated[
        Literal["exact", "at_least"], Field(description="Counting stops at 10,000, or where no index can count.")
    ]
    next_cursor: Annotated[str | None, Field(description="`cursor` of the next page; null on the last one.")]
    prev_cursor: Annotated[
        str | None,
        Field(description="`cursor` of the page before, which holds just what stands before; null on the first."),
    ] = None


class JobEventData(Contract):
    """The job as it was after the change, and who made it; the other fields belong to some types."""

    model_config = ConfigDict(extra="allow")

    job: JobView
    actor: Actor
    launch: Annotated[LaunchSpec | None, Field(description="Only of `scheduled`.")] = None
    previous: Annotated[int | None, Field(description="Only of `priority_changed`: the former priority.")] = None
    receipt: Annotated[
        Receipt | None, Field(description="Only of `paused` and `preempted`: who stopped it, why, and what was lost.")
    ] = None
    usage: Annotated[
        RunUsage | None,
        Field(description="Only of a change that ended an attempt, and where METRICS may be read: what it has used."),
    ] = None
    lost_since: Annotated[
        Timestamp | None,
        Field(description="Only where the attempt failed or was lost: since when its work is lost with it."),
    ] = None


class JobEvent(CloudEvent[JobEventData]):
    """A change of a job, as a CloudEvent."""


class JobEvents(Contract):
    """Everything that happened to a job, in order."""

    items: tuple[JobEvent, ...]


class LogTail(Contract):
    """Lines of a console in order, and where lines are missing.

    Those that have not ended, as progress bars rewrite theirs, are no lines yet: the one that changed last is at the
    end, and `seq` is the number that one gets if it is the next of its rank to end.
    """

    lines: tuple[LogLine, ...]
    gaps: tuple[LogGap, ...]
    skipped: Annotated[
        int,
        Field(ge=0, description="Lines before these that are left out, lost ones among them: with `paced` alone."),
    ] = 0
    unfinished: Annotated[
        tuple[LogLine, ...] | None,
        Field(description="All lines that have not ended; null in a stream: as the event before said."),
    ] = None
