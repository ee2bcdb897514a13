"""What a list of jobs may be asked for, and what that means to the jobs service for this caller.

MY JOBS holds the caller's own, whatever became of them. ALL JOBS holds everybody's in the caller's virtual clusters
(an administrator's: in all) while they wait; it never shows a job that is over.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from services.gateway.domain.access import Caller
from shared.contracts.base import UserName, VcName
from shared.contracts.commands.lists import NEWEST_FIRST, QUEUE_ORDER, Column, ListJobs
from shared.contracts.errors import FieldError, Invalid
from shared.contracts.job import TERMINAL, DeviceType, JobName, JobStatus, LabelKey, LabelValue

WAITING = (JobStatus.QUEUED, JobStatus.SCHEDULING, JobStatus.PAUSED)
"""What ALL JOBS shows unless it is asked for more."""

COLUMNS = tuple(text for column in Column for text in (column.value, f"-{column}"))
_LABEL: TypeAdapter[tuple[str, str]] = TypeAdapter(tuple[LabelKey, LabelValue])


class ListScope(StrEnum):
    """Whose jobs a list holds."""

    MINE = "mine"
    ALL = "all"


class JobQuery(BaseModel):
    """Which jobs a list holds, in which order; several conditions have all to be met."""

    model_config = ConfigDict(extra="forbid")

    scope: ListScope = Field(
        ListScope.MINE,
        description="`mine`: the caller's jobs in every status. `all`: everybody's that are queued, scheduling or "
        "paused, in the caller's virtual clusters; for an administrator, in all.",
    )
    status: str | None = Field(
        None,
        max_length=200,
        description="Only these, separated by commas, for example `queued,running`. With `scope=all` running, pausing "
        "and killing may be added.",
    )
    vc: VcName | None = Field(None, description="Only of this virtual cluster.")
    owner: UserName | None = Field(None, description="Only this user's; with `scope=all`.")
    device_type: DeviceType | None = Field(None, description="Only those that ask for it; `cpu` for no accelerator.")
    preemptible: bool | None = Field(None, description="Only those that may, or may not, be paused for others.")
    label: Annotated[list[str], Field(max_length=64)] = Field(
        default_factory=list, description="Only those with this label, `key=value`; may be repeated."
    )
    submitted_after: str | None = Field(
        None, max_length=40, description="Submitted then or later, for example `2026-11-23T09:00:00Z`."
    )
    submitted_before: str | None = Field(None, max_length=40, description="Submitted earlier than that.")
    finished_after: str | None = Field(
        None,
        max_length=40,
        description="Over since then or later; with `scope=mine`, as `all` holds none that is over.",
    )
    finished_before: str | None = Field(None, max_length=40, description="Over since before that; likewise.")
    q: JobName | None = Field(None, description="A job's id, or the beginning of its name.")
    sort: str | None = Field(
        None,
        max_length=20,
        description="A column, `-` before it for downwards. Default: `-submitted` (newest first); with `scope=all` "
        "`-priority`, the order of the queue.",
        json_schema_extra={"enum": list(COLUMNS)},
    )
    limit: int = Field(50, ge=1, le=500, description="Jobs on a page.")
    cursor: str | None = Field(
        None, max_length=512, description="`next_cursor` or `prev_cursor` of another page; all else as it was then."
    )

    @field_validator("status")
    @classmethod
    def _known_statuses(cls, status: str | None) -> str | None:
        for name in (status or "").split(","):
            if name.strip() and name.strip() not in set(JobStatus):
                raise ValueError(f"must be some of {', '.join(JobStatus)}, separated by commas")
        return status

    @field_validator("label")
    @classmethod
    def _labels(cls, label: list[str]) -> list[str]:
        for text in label:
            key, equals, value = text.partition("=")
            try:
                _LABEL.validate_python((key, value))
            except ValidationError:
                equals = ""
            if not equals:
                raise ValueError("must be key=value, for example team=vision")
        if len({text.partition("=")[0] for text in label}) < len(label):
            raise ValueError("names a key twice, and no job has two values of one; keep one of them")
        return label

    @field_validator("submitted_after", "submitted_before", "finished_after", "finished_before")
    @classmethod
    def _moment(cls, text: str | None) -> str | None:
        if text is not None:
            moment_of(text)
        return text

    @field_validator("sort")
    @classmethod
    def _known_column(cls, sort: str | None) -> str | None:
        if sort is not None and sort not in COLUMNS:
            raise ValueError(f"must be one of {', '.join(Column)}; '-' before it sorts downwards")
        return sort

    @property
    def statuses(self) -> tuple[JobStatus, ...]:
        names = dict.fromkeys(name.strip() for name in (self.status or "").split(",") if name.strip())
        return tuple(JobStatus(name) for name in names)

    @property
    def labels(self) -> dict[str, str]:
        return {key: value for key, _, value in (text.partition("=") for text in self.label)}


def asked(caller: Caller, query: JobQuery) -> ListJobs:
    """The list as the jobs service takes it. Raises Invalid for jobs that are not in the scope."""
    mine = query.scope is ListScope.MINE
    if mine and query.owner not in (None, caller.name):
        raise _wrong("owner", "of 'mine' can only be yourself; use scope=all for the jobs of others")
    over = [status for status in query.statuses if status in TERMINAL]
    if over and not mine:
        listed = ", ".join(over)
        raise _wrong(
            "status", f"{listed} jobs are over and not in 'all'; find your own in scope=mine, others by their id"
        )
    for field in ("finished_after", "finished_before"):
        if getattr(query, field) is not None and not mine:
            raise _wrong(field, "jobs that have finished are over and not in 'all'; find your own in scope=mine")
    return ListJobs(
        owner=caller.name if mine else query.owner,
        vcs=clusters(caller, query.vc, own=mine),
        statuses=query.statuses or (() if mine else WAITING),
        device_type=query.device_type,
        preemptible=query.preemptible,
        labels=query.labels,
        submitted_after=_moment_if(query.submitted_after),
        submitted_before=_moment_if(query.submitted_before),
        finished_after=_moment_if(query.finished_after),
        finished_before=_moment_if(query.finished_before),
        q=query.q,
        sort=query.sort or (NEWEST_FIRST if mine else QUEUE_ORDER),
        limit=query.limit,
        cursor=query.cursor,
    )


def clusters(caller: Caller, vc: str | None, *, own: bool) -> tuple[str, ...] | None:
    """The virtual clusters whose jobs are looked at; None: all. `own`: only the caller's jobs are, wherever they are.

    One that the caller is not in is as one that does not exist.
    """
    everywhere = caller.admin or own
    if vc is None:
        return None if everywhere else tuple(sorted(caller.vcs))
    return (vc,) if everywhere or vc in caller.vcs else ()


def moment_of(text: str) -> datetime:
    """Raises ValueError for anything but a moment with its time zone."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError("must be a moment with its time zone, for example 2026-11-23T09:00:00Z")


def _moment_if(text: str | None) -> datetime | None:
    return None if text is None else moment_of(text)


def _wrong(field: str, message: str) -> Invalid:
    return Invalid(f"{field}: {message}.", (FieldError(field=field, message=message),))
