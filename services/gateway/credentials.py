"""What shows who is asking, and who that is: a token in the request's head, or a browser's cookie (`sessions.py`)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.datastructures import Headers

from services.gateway.domain.access import Caller
from shared.contracts.errors import Unauthorized

BEARER = "bearer "
NO_TOKEN = "Sign in first: send a token from POST /api/v1/auth/token as `Authorization: Bearer <token>`."


@dataclass(frozen=True)
class SignedIn:
    """Who is asking, until when the token counts (seconds since 1970), and how to ask for the same later.

    `since`: when the accounts were asked, by the monotonic clock. `credential` names what let them in.
    """

    caller: Caller
    until: float
    since: float
    again: Callable[[], Awaitable[Caller]]
    credential: str
    api_token: str | None = None
    """The name of the API token, if it is one."""


Identify = Callable[[str], Awaitable[SignedIn]]
"""Whose token this is. Raises Unauthorized."""


def bearer_token(headers: Headers) -> str:
    """The token of the Authorization header. Raises Unauthorized."""
    value = headers.get("authorization", "")
    if value[: len(BEARER)].lower() != BEARER:
        raise Unauthorized(NO_TOKEN)
    return value[len(BEARER) :].strip()
