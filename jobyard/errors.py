"""What can go wrong, one class per kind, each with a sentence that says what to do.

The platform answers errors as RFC 9457 problems; `error_from` turns one into the exception a caller can catch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True)
class FieldProblem:
    """One field of a request, and what is wrong with it."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class JobyardError(Exception):
    """Anything that Jobyard refused or could not do. `status` is the HTTP status, if there was an answer."""

    def __init__(self, message: str, *, status: int | None = None, errors: Sequence[FieldProblem] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.errors = tuple(errors)


class Unauthorized(JobyardError):
    """Nobody is signed in, or not with a token that counts (401)."""


class Forbidden(JobyardError):
    """Visible, but not this person's to do (403)."""


class NotFound(JobyardError):
    """No such thing, or not for this person (404)."""


class Conflict(JobyardError):
    """It makes no sense in the present state (409)."""


class Invalid(JobyardError):
    """Understood, but wrong; `errors` names the fields (400, 413, 415, 422)."""


class TooMany(JobyardError):
    """Too often in too short a time (429)."""


class Unavailable(JobyardError):
    """The platform cannot answer now; a repetition is safe (502, 503, 504)."""


class Unreachable(Unavailable):
    """Nothing answers at the platform's address."""


class NotJobyard(JobyardError):
    """Something answers at that address, but not a Jobyard platform."""


class WaitTimeout(JobyardError, TimeoutError):
    """The job did not get there in the time that was given."""


_KINDS: dict[int, type[JobyardError]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: Invalid,
    415: Invalid,
    422: Invalid,
    429: TooMany,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


def error_of(status: int, problem: dict[str, Any]) -> JobyardError:
    """The exception that says what an RFC 9457 problem says."""
    fields = problem.get("errors")
    errors = [
        FieldProblem(str(item.get("field", "")), str(item.get("message", "")))
        for item in (fields if isinstance(fields, list) else [])
        if isinstance(item, dict)
    ]
    message = problem.get("detail") or problem.get("title") or f"The platform answered {status}."
    return _KINDS.get(status, JobyardError)(str(message), status=status, errors=errors)


def error_from(response: httpx.Response) -> JobyardError:
    """The exception for an answer that is no success; its body has been read."""
    try:
        problem = response.json()
    except ValueError:
        problem = None
    if isinstance(problem, dict):
        return error_of(response.status_code, problem)
    url = response.request.url
    if response.status_code in (502, 503, 504):
        return Unavailable(f"{url.host} answered {response.status_code}; try again.", status=response.status_code)
    return NotJobyard(
        f"{url.copy_with(query=None)} answered {response.status_code}, but not as Jobyard does; check the address.",
        status=response.status_code,
    )
