"""Signing in with a name and a password."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.gateway import bodies
from services.gateway.accounts import AccountDocument
from services.gateway.door import address_of
from services.gateway.parts import Parts, parts_of
from services.gateway.resources.sign_in import Credentials, Token
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
    """A token for a local account. After ten wrong passwords within a minute for a name from an address: 429; also
    after sixty from an address, and a hundred for a name.
    """
    parts = parts_of(request)
    raw = await bodies.read(request, parts.settings.public_body_timeout_s)
    credentials, _ = bodies.parsed(Credentials, raw)
    account = await parts.sign_in.sign_in(credentials.username, credentials.password, address_of(request))
    return token_for(parts, account)


def token_for(parts: Parts, account: AccountDocument) -> Response:
    """What every way to sign in ends with."""
    token = parts.tokens.issue(account.id, account.generation)
    return as_json(Token(access_token=token, expires_in=parts.tokens.ttl_s))
