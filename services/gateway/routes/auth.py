"""Signing in, and who one is."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.gateway import bodies
from services.gateway.door import caller_of
from services.gateway.parts import parts_of
from services.gateway.resources import Credentials, Me, Token
from services.gateway.routes.answers import as_json
from services.gateway.routes.direct import DirectRoute
from services.gateway.routes.documented import body, problems

router = APIRouter(prefix="/api/v1", tags=["account"], route_class=DirectRoute)

_EXAMPLE = {"username": "admin", "password": "the one from <data>/admin-password"}


@router.post(
    "/auth/token",
    operation_id="createToken",
    summary="Sign in",
    response_model=Token,
    responses=problems(401, 413, 415, 422, 429, 503, public=True),
    openapi_extra={**body("Credentials", admin=_EXAMPLE), "security": []},
)
async def create_token(request: Request) -> Response:
    """A token for a local account. After ten wrong passwords within a minute for a name or an address: 429."""
    parts = parts_of(request)
    raw = await bodies.read(request, parts.settings.body_timeout_s)
    credentials, _ = bodies.parsed(Credentials, raw)
    address = request.client.host if request.client else "unknown"
    caller = await parts.accounts.sign_in(credentials.username, credentials.password, address)
    return as_json(Token(access_token=parts.tokens.issue(caller.name), expires_in=parts.tokens.ttl_s))


@router.get("/me", operation_id="getMe", summary="Who is asking", response_model=Me, responses=problems())
async def get_me(request: Request) -> Response:
    """The account that the token belongs to."""
    caller = caller_of(request)
    return as_json(Me(name=caller.name, admin=caller.admin, vcs=caller.vcs))
