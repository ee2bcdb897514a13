"""Errors as RFC 9457 problem documents: one form for refusals, bad requests, the router's own errors and faults."""

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.domain.complaints import Error, complaints, summary
from services.gateway.resources.outcomes import Problem
from shared.contracts.errors import InternalError, Invalid, NotFound, Refusal, TemporaryError, TooMany, Unavailable

MEDIA_TYPE = "application/problem+json"
FAULT = "The platform made a mistake. Try again; if it happens again, tell the operators this request's id."


class BadRequest(Refusal):
    """Not a request that this platform answers."""

    status, code = 400, "bad_request"


class MethodNotAllowed(Refusal):
    """The path exists, but not with this method."""

    status, code = 405, "method_not_allowed"


class RequestTimeout(Refusal):
    """The request did not arrive in time."""

    status, code = 408, "request_timeout"


class HeadTooLarge(Refusal):
    """The request line and the headers are more than a request may have."""

    status, code = 431, "head_too_large"


def too_many(message: str, wait_s: float) -> TooMany:
    """Too often; the answer says in `Retry-After` when to come again."""
    return TooMany(message, details={"retry_after_s": wait_s})


def problem_of(refusal: Refusal, request_id: str | None = None) -> Problem:
    """The document that says what a refusal says."""
    return Problem(
        type=f"urn:jobyard:problem:{refusal.code}",
        title=HTTPStatus(refusal.status).phrase,
        status=refusal.status,
        detail=refusal.message,
        code=refusal.code,
        errors=refusal.errors,
        request_id=request_id,
    )


def response_of(refusal: Refusal, request_id: str | None, headers: Mapping[str, str] | None = None) -> Response:
    """The answer to a refused request."""
    body = problem_of(refusal, request_id).model_dump_json(exclude_none=True, exclude=_without(refusal))
    sent = dict(headers or {})
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        sent.setdefault("WWW-Authenticate", 'Bearer realm="jobyard"')
    if refusal.status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        wait = refusal.details.get("retry_after_s")
        sent["Retry-After"] = str(max(1, math.ceil(wait)) if isinstance(wait, int | float) else 1)
    return Response(body, refusal.status, sent, MEDIA_TYPE)


def _without(refusal: Refusal) -> set[str]:
    return set() if refusal.errors else {"errors"}


def invalid_of(errors: Sequence[Error], known: Sequence[str] = ()) -> Invalid:
    """The refusal of a request whose fields are wrong."""
    fields = complaints(errors, known)
    return Invalid(summary(fields), fields)


def install(app: FastAPI) -> None:
    """Answer every error of the application with a problem."""

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refusal)
        return response_of(error, request_id_of(request.scope))

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        errors = [{**item, "loc": tuple(item["loc"])[1:]} for item in error.errors()]
        return response_of(invalid_of(errors), request_id_of(request.scope))

    async def unreachable(request: Request, error: Exception) -> Response:
        return response_of(Unavailable(f"{error} Try again in a moment."), request_id_of(request.scope))

    async def routed_nowhere(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        refusal = _of_router(request, error)
        return response_of(refusal, request_id_of(request.scope), error.headers)

    async def faulty(request: Request, error: Exception) -> Response:
        return response_of(InternalError(FAULT), request_id_of(request.scope))

    app.add_exception_handler(Refusal, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(TemporaryError, unreachable)
    app.add_exception_handler(HTTPException, routed_nowhere)
    app.add_exception_handler(Exception, faulty)


def _of_router(request: Request, error: HTTPException) -> Refusal:
    if error.status_code == HTTPStatus.NOT_FOUND:
        return NotFound("There is nothing at this path. See /api/v1/openapi.json for what there is.")
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "another one")
        return MethodNotAllowed(f"This path does not take {request.method}; use {allowed}.")
    return BadRequest(str(error.detail))


def request_id_of(scope: Mapping[str, Any]) -> str | None:
    """The id that the outermost layer gave this request."""
    value = scope.get("jobyard.request_id")
    return value if isinstance(value, str) else None
