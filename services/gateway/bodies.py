"""Request bodies: none is larger than the limit, each is parsed once, strictly, and named twice is refused."""

import asyncio
import hashlib
import json
from contextlib import suppress
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.problems import BadRequest, RequestTimeout, invalid_of, request_id_of, response_of
from shared.contracts.errors import FieldError, Invalid, TooLarge

M = TypeVar("M", bound=BaseModel)

LINGER_S = 0.8
LINGER_BYTES = 128 << 20
"""How long, and how much, of a refused body is still thrown away before the connection is cut.

Most clients read an answer only when they have sent their whole body: cut at once, they would never see the 413.
"""


class BodyLimit:
    """Refuses larger bodies with 413: at once where their length is announced, else when the limit is passed."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        announced = headers.get("content-length")
        if announced is not None and int(announced) > self._limit:
            await self._refuse(scope, receive, send)
        elif "transfer-encoding" in headers:
            await self._counted(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        taken = 0

        async def counting() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._limit:
                raise _Passed
            return message

        try:
            await self._app(scope, counting, send)
        except _Passed:
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = TooLarge(f"The body is larger than {self._limit} bytes. Send less, for instance in several calls.")
        response = response_of(refusal, request_id_of(scope), {"Connection": "close"})
        start: Message = {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": response.raw_headers,
        }
        await send(start)
        await send({"type": "http.response.body", "body": bytes(response.body), "more_body": True})
        await _linger(receive)
        await send({"type": "http.response.body"})


class _Passed(BaseException):
    """The limit was passed. No Exception, so that no layer between takes it for its own."""


async def _linger(receive: Receive) -> None:
    taken = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            while taken < LINGER_BYTES:
                message = await receive()
                taken += len(message.get("body", b""))
                if not message.get("more_body"):
                    return


async def read(request: Request, timeout_s: float) -> bytes:
    """The whole body. Raises RequestTimeout."""
    try:
        async with asyncio.timeout(timeout_s):
            return await request.body()
    except TimeoutError:
        raise RequestTimeout(f"The body did not arrive within {timeout_s:g} s. Send it again.") from None
    except ClientDisconnect:
        raise BadRequest("The connection ended within the body.") from None


def parsed(model: type[M], raw: bytes) -> tuple[M, Any]:
    """The body as its model, and as plain values. Raises Invalid, whose errors name the fields."""
    try:
        value = model.model_validate_json(raw)
        return value, _DECODER.decode(raw.decode())
    except ValidationError as error:
        known = tuple(model.model_fields)
        raise invalid_of(error.errors(include_url=False, include_input=False), known) from None
    except (ValueError, RecursionError):
        raise Invalid("The body has numbers or a depth that no field can take.") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)[:80]
        raise Invalid(f"{twice}: is there twice.", (FieldError(field=twice, message="is there twice; keep one"),))
    return fields


def fingerprint(content: Any) -> str:
    """Names a body's content, whatever its spaces and the order of its fields."""
    return hashlib.sha256(_CANONICAL.encode(content).encode()).hexdigest()


_DECODER = json.JSONDecoder(object_pairs_hook=_once)
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
