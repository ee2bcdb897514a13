"""What became of what was asked: a problem, or one outcome for each job of many."""

from typing import Annotated

from pydantic import ConfigDict, Field

from shared.contracts.base import Contract, JobId
from shared.contracts.errors import FieldError


class Problem(Contract):
    """An RFC 9457 problem: what went wrong, and what to do."""

    model_config = ConfigDict(extra="allow")

    type: Annotated[str, Field(description="`urn:jobyard:problem:<code>`")]
    title: str
    status: int
    detail: Annotated[str, Field(description="A sentence to act on.")]
    code: str
    errors: Annotated[tuple[FieldError, ...], Field(description="The fields that are wrong.")] = ()
    request_id: Annotated[str | None, Field(description="Names this request in the platform's log.")] = None


class Outcome(Contract):
    """What became of one job: a 2xx status and its id, or the problem with it."""

    status: int
    id: JobId | None = None
    problem: Problem | None = None


class Outcomes(Contract):
    """In the order of the submissions."""

    outcomes: tuple[Outcome, ...]


class Changes(Contract):
    """What became of each job, in the order of the ids, or newest first by a filter."""

    outcomes: tuple[Outcome, ...]
    matched: Annotated[int, Field(description="How many jobs this answer is about.")]
    next_cursor: Annotated[
        str | None, Field(description="More jobs may match the filter: send it again with this as its `cursor`.")
    ] = None
