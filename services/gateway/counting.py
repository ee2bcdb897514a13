"""How many jobs the two lists would show, for the line above them; whose jobs count is decided as for the lists."""

from pydantic import BaseModel, ConfigDict, Field, field_validator

from services.gateway.domain.access import Caller
from services.gateway.listing import ListScope, clusters, moment_of
from shared.contracts.commands.lists import CountJobs
from shared.contracts.errors import FieldError, Invalid


class CountQuery(BaseModel):
    """Which list is counted."""

    model_config = ConfigDict(extra="forbid")

    scope: ListScope = Field(ListScope.MINE, description="`mine` or `all`, as in the list of jobs.")
    failed_since: str | None = Field(
        None,
        max_length=40,
        description="Failures count from this moment on, for example `2026-11-23T09:00:00Z`; with `scope=mine`.",
    )

    @field_validator("failed_since")
    @classmethod
    def _moment(cls, text: str | None) -> str | None:
        if text is not None:
            moment_of(text)
        return text


def counted(caller: Caller, query: CountQuery) -> CountJobs:
    """What the jobs service is asked to count. Raises Invalid for failures in `all`, which has none."""
    mine = query.scope is ListScope.MINE
    if query.failed_since is not None and not mine:
        message = "jobs that have failed are over and not in 'all'; count your own with scope=mine"
        raise Invalid(f"failed_since: {message}.", (FieldError(field="failed_since", message=message),))
    return CountJobs(
        owner=caller.name if mine else None,
        vcs=clusters(caller, None, own=mine),
        failed_since=moment_of(query.failed_since) if query.failed_since is not None else None,
    )
