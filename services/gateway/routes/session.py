"""Signing a browser in and out: the page never sees the token, which comes and goes as a cookie (`sessions.py`)."""

from collections.abc import Sequence

from fastapi import APIRouter
from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response

from services.gateway import bodies
from services.gateway.accounts import AccountDocument
from services.gateway.domain.sessions import MOST, brought
from services.gateway.door import address_of
from services.gateway.parts import Parts, parts_of
from services.gateway.problems import request_id_of, response_of
from services.gateway.resources.sign_in import Credentials, OneTimeCode, Session, SignInMethods
from services.gateway.routes.answers import as_json
from services.gateway.routes.direct import DirectRoute
from services.gateway.routes.documented import body, problems
from services.gateway.sessions import give, take_back
from shared.contracts.errors import TemporaryError, Unauthorized, Unavailable

router = APIRouter(prefix="/api/v1/auth", tags=["account"], route_class=DirectRoute)

_OPEN = {"security": list[str]()}
_COOKIE = {"Set-Cookie": {"description": "What the browser is signed in by.", "schema": {"type": "string"}}}
_PASSWORD = {"username": "admin", "password": "the one from <data>/admin-password"}


STILL_COUNTS = (
    "This browser is signed out, but the gateway's database does not answer: wherever else the cookie has come to, it "
    "counts until it expires."
)


@router.get(
    "/methods",
    operation_id="getSignInMethods",
    summary="How to sign in",
    response_model=SignInMethods,
    openapi_extra=_OPEN,
)
async def get_sign_in_methods(request: Request) -> Response:
    """What a page that signs people in can offer them."""
    issuer = parts_of(request).oidc.issuer
    return as_json(SignInMethods(password=True, oidc=issuer is not None, issuer=issuer))


@router.post(
    "/session",
    operation_id="createSession",
    summary="Sign a browser in",
    response_model=Session,
    responses={200: {"headers": _COOKIE}, **problems(401, 403, 413, 415, 422, 429, 503, public=True)},
    openapi_extra={**body("Credentials", "OneTimeCode", password=_PASSWORD), **_OPEN},
)
async def create_session(request: Request) -> Response:
    """With a name and a password, or the one-time code of a sign-in at the issuer. The answer sets a cookie that counts
    like a token, for pages of this platform alone. Wrong passwords are counted as at /api/v1/auth/token. The sign-in
    that the browser had before ends.
    """
    parts = parts_of(request)
    raw = await bodies.read(request, parts.settings.public_body_timeout_s)
    account = await _account(parts, raw, address_of(request))
    await _end(parts, brought(request.headers.getlist("cookie"), request.url.scheme)[-MOST:])
    answer = as_json(Session(name=account.id, expires_in=parts.tokens.ttl_s))
    give(answer, parts.tokens.issue(account.id, account.generation), parts.tokens.ttl_s, request.url.scheme)
    return answer


@router.delete(
    "/session",
    operation_id="deleteSession",
    summary="Sign a browser out",
    status_code=204,
    responses={204: {"headers": _COOKIE}, **problems(403, 413, 415, 503, public=True)},
    openapi_extra=_OPEN,
)
async def delete_session(request: Request) -> Response:
    """Ends the sign-in, wherever its cookie may have come to, and makes the browser forget the cookie, also one that
    does not count. Streams that were opened with it are cut within 5 s. A new password ends all of one's sign-ins. The
    browser forgets it also where 503 says that it could not be ended elsewhere.
    """
    answer = Response(status_code=204)
    try:
        await _end(parts_of(request), brought(request.headers.getlist("cookie"), request.url.scheme)[-MOST:])
    except TemporaryError:
        answer = response_of(Unavailable(STILL_COUNTS), request_id_of(request.scope))
    take_back(answer, request.url.scheme)
    return answer


async def _end(parts: Parts, tokens: Sequence[str]) -> None:
    """End the sign-ins among these. Raises TemporaryError."""
    for token in tokens:
        try:
            claims = await parts.tokens.check(token)
        except Unauthorized:
            continue
        await parts.sign_outs.end(claims)


async def _account(parts: Parts, raw: bytes, address: str) -> AccountDocument:
    """Whoever the body signs in. Raises Invalid, Unauthorized, TooMany."""
    if _has_code(raw):
        asked, _ = bodies.parsed(OneTimeCode, raw)
        return await parts.oidc.redeem(asked.code, asked.code_verifier)
    credentials, _ = bodies.parsed(Credentials, raw)
    return await parts.sign_in.sign_in(credentials.username, credentials.password, address)


def _has_code(raw: bytes) -> bool:
    """Which of the two bodies it is; what is wrong with it is for its model to say."""
    try:
        fields = from_json(raw)
    except ValueError:
        return False
    return isinstance(fields, dict) and "code" in fields
