"""Signing in at an OIDC issuer. Browsers: start, callback, token. The command line: device, device/token.

The page makes a verifier, keeps it, and begins with its S256 challenge (as in RFC 7636). The callback sends it back
with a one-time code in the fragment, which is worth a token only together with the verifier.
"""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.gateway import bodies
from services.gateway.door import address_of
from services.gateway.oidc.issuer import AWAY, REFUSED
from services.gateway.oidc.signin import Pending
from services.gateway.parts import parts_of
from services.gateway.resources.sign_in import DeviceAsk, DevicePending, DeviceStart, OneTimeCode, Token
from services.gateway.routes.answers import as_json
from services.gateway.routes.auth import token_for
from services.gateway.routes.documented import body, problems
from shared.contracts.errors import Forbidden, Unauthorized, Unavailable

router = APIRouter(prefix="/api/v1/auth/oidc", tags=["account"])

CALLBACK = "/api/v1/auth/oidc/callback"
SIGN_IN_REFUSED = "/sign-in#refused"
"""The console's page; what it says stands there, so that no link can put words into its mouth."""
_OPEN = {"security": list[str]()}


class Start(BaseModel):
    """How a page begins."""

    model_config = ConfigDict(extra="forbid")

    code_challenge: str = Field(pattern=r"^[A-Za-z0-9_-]{43}$", description="SHA-256 of the verifier, base64url.")
    return_to: str = Field(
        "/", max_length=512, pattern=r"^/([A-Za-z0-9._~-][A-Za-z0-9._~/-]*)?$", description="A path of this platform."
    )


class Back(BaseModel):
    """What the issuer sends the browser back with; more than that is ignored (RFC 6749)."""

    state: str = Field(min_length=1, max_length=4096)
    code: str | None = Field(None, min_length=1, max_length=4096)
    error: str | None = Field(None, max_length=4096)


@router.get(
    "/start",
    operation_id="startOidc",
    summary="Begin in a browser",
    status_code=303,
    responses={303: {"description": "To the issuer."}, **problems(404, 422, 429, 503, public=True)},
    openapi_extra=_OPEN,
)
async def start_oidc(request: Request, query: Annotated[Start, Query()]) -> Response:
    """Sends the browser to the issuer. 404 where none is configured."""
    parts = parts_of(request)
    parts.oidc.count(address_of(request))
    address = await parts.oidc.begin(query.code_challenge, query.return_to, _callback(request))
    return RedirectResponse(address, 303)


@router.get(
    "/callback",
    operation_id="finishOidc",
    summary="Back from the issuer",
    status_code=303,
    responses={303: {"description": "To the page that began."}, **problems(401, 403, 422, 429, 503, public=True)},
    openapi_extra=_OPEN,
)
async def finish_oidc(request: Request, query: Annotated[Back, Query()]) -> Response:
    """Sends the browser to the page that began, with `#code=`: a one-time code that counts for a minute. Somebody who
    looks at a page (`Accept: text/html`) and is refused is led back to the console's sign-in, which says so.
    """
    parts = parts_of(request)
    parts.oidc.count(address_of(request))
    try:
        if query.code is None:
            raise Unauthorized(REFUSED)
        code, begun = await parts.oidc.finish(query.code, query.state, _callback(request), address_of(request))
    except (Unauthorized, Forbidden):
        if "text/html" not in request.headers.get("accept", ""):
            raise
        return RedirectResponse(SIGN_IN_REFUSED, 303)
    return RedirectResponse(f"{begun.return_to}#code={code}", 303)


@router.post(
    "/token",
    operation_id="createOidcToken",
    summary="A token for a one-time code",
    response_model=Token,
    responses=problems(401, 413, 415, 422, 503, public=True),
    openapi_extra={**body("OneTimeCode"), **_OPEN},
)
async def create_oidc_token(request: Request) -> Response:
    """The code counts once, and with the verifier of the challenge that the page began with."""
    parts = parts_of(request)
    asked, _ = bodies.parsed(OneTimeCode, await bodies.read(request, parts.settings.public_body_timeout_s))
    return token_for(parts, await parts.oidc.redeem(asked.code, asked.code_verifier))


@router.post(
    "/device",
    operation_id="startDevice",
    summary="Begin on the command line",
    response_model=DeviceStart,
    responses=problems(401, 404, 413, 415, 429, 503, public=True),
    openapi_extra=_OPEN,
)
async def start_device(request: Request) -> Response:
    """A code to confirm at the issuer with any browser (RFC 8628)."""
    parts = parts_of(request)
    parts.oidc.count(address_of(request))
    try:
        said = await parts.oidc.begin_device()
        start = DeviceStart.model_validate({"interval": 5, **said})
    except ValueError as error:
        raise Unavailable(AWAY) from error
    return as_json(start)


@router.post(
    "/device/token",
    operation_id="createDeviceToken",
    summary="A token once the sign-in is confirmed",
    response_model=Token,
    responses={
        202: {"model": DevicePending, "description": "Nobody has confirmed it yet."},
        **problems(401, 403, 404, 413, 415, 422, 429, 503, public=True),
    },
    openapi_extra={**body("DeviceAsk"), **_OPEN},
)
async def create_device_token(request: Request) -> Response:
    """202 until it is confirmed: ask again after the `interval` that it began with."""
    parts = parts_of(request)
    parts.oidc.count(address_of(request))
    asked, _ = bodies.parsed(DeviceAsk, await bodies.read(request, parts.settings.public_body_timeout_s))
    found = await parts.oidc.poll_device(asked.device_code, address_of(request))
    if isinstance(found, Pending):
        return as_json(DevicePending(slower=found.slower), 202)
    return token_for(parts, found)


def _callback(request: Request) -> str:
    """As this platform was asked; the door has looked at the host."""
    return f"{str(request.base_url).rstrip('/')}{CALLBACK}"
