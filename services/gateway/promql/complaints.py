"""A refusal that a Prometheus client understands as well: an RFC 9457 problem with Prometheus' own members.

Both have a `status`: it is Prometheus', a word, and a reader of problems passes over one that is no number (3.1).
"""

from typing import Annotated, Literal

from pydantic import Field
from starlette.responses import Response

from services.gateway.problems import problem_of, response_of
from services.gateway.resources.outcomes import Problem
from shared.contracts.base import Contract
from shared.contracts.errors import FieldError, Refusal

ErrorType = Literal["bad_data", "execution", "unavailable", "internal"]
KINDS: dict[int, ErrorType] = {
    403: "execution",
    422: "bad_data",
    413: "bad_data",
    429: "unavailable",
    503: "unavailable",
}


class QueryProblem(Contract):
    """A problem in the words of Prometheus as well."""

    type: Annotated[str, Field(description="`urn:jobyard:problem:<code>`")]
    title: str
    status: Literal["error"] = "error"
    errorType: ErrorType  # noqa: N815  # as Prometheus names it
    error: Annotated[str, Field(description="A sentence to act on.")]
    detail: Annotated[str, Field(description="The same sentence.")]
    code: str
    errors: Annotated[tuple[FieldError, ...], Field(description="The parameters that are wrong.")] = ()
    request_id: Annotated[str | None, Field(description="Names this request in the platform's log.")] = None


def complaint(refusal: Refusal, request_id: str | None) -> Response:
    """The answer to a refused question."""
    response = response_of(refusal, request_id)
    said: Problem = problem_of(refusal, request_id)
    both = QueryProblem(
        type=said.type,
        title=said.title,
        errorType=KINDS.get(refusal.status, "internal"),
        error=said.detail,
        detail=said.detail,
        code=said.code,
        errors=said.errors,
        request_id=request_id,
    )
    response.body = both.model_dump_json(exclude_none=True).encode()
    response.headers["content-length"] = str(len(response.body))
    return response
