"""Who comes in: the host that was asked for, the page it comes from, what it brings, and who is asking.

Pure ASGI, in front of every route, so that no route can be forgotten: whatever is not in `PUBLIC`, and no page of
the console, needs a token, paths that do not exist included. Routes read who is asking with `caller_of`.
"""

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from services.gateway.audited import Author
from services.gateway.credentials import NO_TOKEN, Identify, SignedIn, bearer_token
from services.gateway.domain.access import READ_ONLY, Caller
from services.gateway.domain.access import Scope as TokenScope
from services.gateway.domain.origins import foreign, own, trusted_host
from services.gateway.domain.pages import is_page
from services.gateway.grafana.passing import RESOURCES, ROOT, TICKET
from services.gateway.problems import BadRequest, request_id_of, response_of
from services.gateway.sessions import signed_in_by_cookie
from shared.contracts.errors import Forbidden, Refusal, Unauthorized, UnsupportedMedia

PUBLIC = frozenset(
    {
        "/api/v1/auth/methods",
        "/api/v1/auth/session",
        "/api/v1/auth/token",
        "/api/v1/auth/oidc/start",
        "/api/v1/auth/oidc/callback",
        "/api/v1/auth/oidc/token",
        "/api/v1/auth/oidc/device",
        "/api/v1/auth/oidc/device/token",
        "/healthz",
        "/readyz",
        "/metrics",
        "/api/v1/openapi.json",
    }
)
HEALTH = frozenset({"/healthz", "/readyz"})
"""Say nothing but their state, and are asked for by load balancers, which name an address instead of a host of ours."""
QUERIES = "/api/v1/prometheus/"
"""Under it things are as Prometheus has them: a POST brings a form and only reads. Who asks may also be known by the
ID token that Grafana passes on.
"""
FORMS = (QUERIES, RESOURCES)
ASKING = (QUERIES, ROOT)
"""Under these a POST only reads."""
ID_TOKEN = "x-id-token"
READING = frozenset({"GET", "HEAD", "OPTIONS"})
ADDRESS_CHARS = 64
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
OTHER_SITE = "Pages of other sites may not do that (allowed_origins)."
UNKNOWN_PROXY = (
    "This page came by https, and what it asks for arrives by http: through a proxy that is not known here. "
    "An operator names its address in JOBYARD_GATEWAY_TRUSTED_PROXIES (ingress.proxies of the Helm chart)."
)
NO_PERSON = "An API token can't do that. Sign in with your password or at the issuer."


class Door:
    """Lets in what is meant for this platform, from whoever may ask."""

    def __init__(
        self,
        app: ASGIApp,
        identify: Identify,
        passed_on: Identify | None,
        lent: Identify,
        hosts: Collection[str],
        origins: Collection[str],
    ) -> None:
        self._app = app
        self._identify = identify
        self._passed_on = passed_on
        self._lent = lent
        self._hosts = hosts
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            self._check(scope, headers)
            if not _is_public(scope):
                scope["jobyard.signed_in"] = await self._signed_in(scope, headers)
        except Refusal as refusal:
            if scope["type"] == "http":
                raise
            await _refuse_websocket(refusal, scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _signed_in(self, scope: Scope, headers: Headers) -> SignedIn:
        if self._passed_on is not None and ID_TOKEN in headers and scope["path"].startswith(QUERIES):
            return await self._passed_on(headers[ID_TOKEN])
        if scope["path"].startswith(QUERIES) and (ticket := HTTPConnection(scope).cookies.get(TICKET)) is not None:
            return await self._lent(ticket)
        if "authorization" in headers:
            who = await self._identify(bearer_token(headers))
        else:
            who = await signed_in_by_cookie(headers, _scheme(scope), _changes(scope, headers), self._identify)
        if who.caller.scope is TokenScope.READ and not _reads(scope):
            raise Forbidden(READ_ONLY)
        return who

    def _check(self, scope: Scope, headers: Headers) -> None:
        host = headers.get("host")
        changes = _changes(scope, headers)
        asks_health = scope["path"] in HEALTH and not changes
        if not asks_health and not trusted_host(host, self._hosts):
            raise BadRequest("This platform does not go by that name; ask for it by one of its own (trusted_hosts).")
        origin = headers.get("origin")
        if changes and foreign(origin, _scheme(scope), host or "", self._origins):
            raise Forbidden(UNKNOWN_PROXY if own(origin, "https", host or "") else OTHER_SITE)
        if changes and scope["type"] == "http" and _has_body(headers):
            if scope["path"].startswith(FORMS):
                _check_media(headers, FORM, "a form")
            else:
                _check_media(headers, JSON, "JSON")


def caller_of(request: Request) -> Caller:
    """Who is asking. Raises Unauthorized."""
    return signed_in(request).caller


def author_of(request: Request) -> Author:
    """Who makes the change that is asked for, for the audit."""
    who = signed_in(request)
    return Author(who.caller.name, request_id_of(request.scope), address_of(request), who.api_token)


def address_of(request: Request) -> str:
    """Where the request comes from, by its connection or a trusted proxy's word, which may be anything."""
    return request.client.host[:ADDRESS_CHARS] if request.client else "unknown"


def signed_in(request: Request) -> SignedIn:
    """The same, and until when. Raises Unauthorized where the door was left open."""
    known = request.scope.get("jobyard.signed_in")
    if not isinstance(known, SignedIn):
        raise Unauthorized(NO_TOKEN)
    return known


def person_of(request: Request) -> Caller:
    """The caller, who signed in. Raises Forbidden for an API token: what it gets could outlive its own revocation."""
    who = signed_in(request)
    if who.api_token is not None:
        raise Forbidden(NO_PERSON)
    return who.caller


def _scheme(scope: Scope) -> str:
    scheme: str = scope["scheme"]
    return {"ws": "http", "wss": "https"}.get(scheme, scheme)


def _is_public(scope: Scope) -> bool:
    return scope["path"] in PUBLIC or (scope["type"] == "http" and is_page(scope["method"], scope["path"]))


def _changes(scope: Scope, headers: Headers) -> bool:
    """A handshake of a websocket counts as one: other sites' pages may send it and read what comes."""
    return (
        scope["type"] == "websocket"
        or scope["method"] not in READING
        or headers.get("upgrade", "").strip().lower() == "websocket"
    )


def _has_body(headers: Headers) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _reads(scope: Scope) -> bool:
    if scope["type"] == "websocket":
        return False
    return scope["method"] in READING or (scope["method"] == "POST" and scope["path"].startswith(ASKING))


def _check_media(headers: Headers, needed: str, called: str) -> None:
    if headers.get("content-type", "").partition(";")[0].strip().lower() != needed:
        raise UnsupportedMedia(f"Send the body as {called}, with `Content-Type: {needed}`.")


async def _refuse_websocket(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    """Before the handshake: with the same problem where the server can send one, else with its plain 403."""
    if "websocket.http.response" in scope.get("extensions", {}):
        await response_of(refusal, None)(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": refusal.code})
