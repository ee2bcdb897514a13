"""Lists of jobs: one person's, or everybody's that are not over; and how many there are of each kind."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from shared.contracts.base import Contract, Timestamp, UserName, VcName
from shared.contracts.commands.command import Command
from shared.contracts.job import DeviceType, Job, JobName, JobStatus, LabelKey, LabelValue


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
    finished_after: Annotated[
        Timestamp | None, Field(description="Over since this moment or later; of one person's jobs alone.")
    ] = None
    finished_before: Annotated[Timestamp | None, Field(description="Over since before this moment; likewise.")] = None
    q: Annotated[JobName | None, Field(description="A job's id, or the beginning of its name.")] = None
    sort: SortOrder = NEWEST_FIRST
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    cursor: Annotated[str | None, Field(max_length=512)] = None
    with_total: bool = True


class JobPage(Contract):
    items: tuple[Job, ...]
    next_cursor: str | None = None
    prev_cursor: Annotated[
        str | None, Field(description="Leads to the jobs before this page; null on one that was asked for without.")
    ] = None
    back: Annotated[
        bool, Field(description="The cursor led backwards: what is missing of this page stands before it.")
    ] = False
    total: int | None = None
    total_is: Literal["exact", "at_least"] = "exact"
    searched: Annotated[
        bool,
        Field(
            description="The page ended since enough jobs were looked at; the cursor in its direction goes on there."
        ),
    ] = False


LIST = Command("cmd.jobs.list.v1", ListJobs, JobPage, "A page of jobs, by owner or of everybody.")


MOST_COUNTED = 10_000


class CountJobs(Contract):
    """The same jobs, counted: one person's (`owner`), or those of everybody that are not over."""

    owner: UserName | None = None
    vcs: Annotated[tuple[VcName, ...] | None, Field(max_length=1000, description="None: of any.")] = None
    failed_since: Annotated[
        Timestamp | None, Field(description="Which of one person's failures count: those of this moment or later.")
    ] = None


Count = Annotated[int, Field(ge=0, le=MOST_COUNTED)]


class JobCounts(Contract):
    """How many jobs there are. Each number is exact up to 10,000, and 10,000 means so many or more."""

    running: Annotated[Count, Field(description="Running, pausing or killing: they hold their devices.")]
    waiting: Annotated[Count, Field(description="Queued, or scheduling.")]
    paused: Count
    failed: Annotated[
        Count | None, Field(description="Failed, or error; null for everybody's, whose list has no job that is over.")
    ]


COUNT = Command("cmd.jobs.count.v1", CountJobs, JobCounts, "How many jobs run, wait, are paused, have failed.")
