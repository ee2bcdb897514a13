"""The ASGI application: what a request passes on its way to its route, outermost first.

Front (id, limits, counts, headers) - CORS, where other sites may use the API - Elsewhere (the
way to the endpoints' own door) - Door (host, origin, token or cookie) -
StrangerLimit - Pages (the console, for everybody) - BodyLimit - FastAPI's router - route.
"""

from collections.abc import Collection

from fastapi import APIRouter, FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from services.gateway import problems
from services.gateway.bodies import BodyLimit
from services.gateway.credentials import Identify
from services.gateway.door import Door
from services.gateway.elsewhere import Elsewhere
from services.gateway.front import Front
from services.gateway.openapi import DESCRIPTION, TITLE, VERSION
from services.gateway.pages import Pages
from services.gateway.parts import Parts
from services.gateway.routes import (
    audit,
    auth,
    cluster,
    endpoints,
    events,
    grafana,
    health,
    jobs,
    logs,
    me,
    metrics,
    oidc,
    prometheus,
    registries,
    secrets,
    session,
    support,
    usage,
    users,
    vcs,
)
from services.gateway.strangers import StrangerLimit

ROUTERS: tuple[APIRouter, ...] = (
    jobs.router,
    logs.router,
    metrics.router,
    support.router,
    endpoints.router,
    events.router,
    auth.router,
    session.router,
    oidc.router,
    me.router,
    users.router,
    vcs.router,
    audit.router,
    prometheus.router,
    usage.router,
    grafana.router,
    cluster.router,
    secrets.router,
    registries.router,
    health.router,
)
EXPOSED = ["Location", "Retry-After", "X-Request-Id"]


def routed() -> FastAPI:
    """The routes alone, without the parts that they ask."""
    api = FastAPI(
        title=TITLE,
        version=VERSION,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    for router in ROUTERS:
        api.router.routes.extend(router.routes)
    problems.install(api)
    return api


def application(parts: Parts, identify: Identify, passed_on: Identify | None = None) -> ASGIApp:
    """The whole application. `passed_on`: whose the ID tokens are that Grafana passes on, if any are taken."""
    settings = parts.settings
    api = routed()
    api.state.parts = parts
    app: ASGIApp = BodyLimit(api, settings.body_bytes)
    app = Pages(app, parts.site)
    app = StrangerLimit(app, settings.max_requests)
    app = Door(app, identify, passed_on, parts.tickets.of, settings.hosts, settings.allowed_origins)
    app = Elsewhere(app, settings.endpoints_url, settings.endpoints_port, settings.hosts)
    if settings.allowed_origins:
        app = _shared_with(app, settings.allowed_origins)
    return Front(app, parts.metrics, settings.max_requests, settings.access_log)


def _shared_with(app: ASGIApp, origins: Collection[str]) -> ASGIApp:
    return CORSMiddleware(
        app,
        allow_origins=list(origins),
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID"],
        expose_headers=EXPOSED,
    )
