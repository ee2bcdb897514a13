"""For orchestrators and Prometheus: alive, ready, counted; and the document that describes all of this."""

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from services.gateway.openapi import document
from services.gateway.parts import parts_of
from services.gateway.resources.health import Readiness
from services.gateway.routes.answers import as_json

router = APIRouter(tags=["health"])

_PUBLIC = {"security": list[str]()}


@router.get(
    "/healthz", operation_id="getHealth", summary="Alive", response_class=PlainTextResponse, openapi_extra=_PUBLIC
)
async def get_health() -> PlainTextResponse:
    """The process lives and answers."""
    return PlainTextResponse("ok\n")


@router.get(
    "/readyz",
    operation_id="getReadiness",
    summary="Ready",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "Not ready; it says which part."}},
    openapi_extra=_PUBLIC,
)
async def get_readiness(request: Request) -> Response:
    """Every service that a job needs answers."""
    readiness = await parts_of(request).readiness.check()
    return as_json(readiness, 200 if readiness.ready else 503)


@router.get(
    "/metrics",
    operation_id="getMetrics",
    summary="Metrics",
    response_class=PlainTextResponse,
    openapi_extra=_PUBLIC,
)
async def get_metrics(request: Request) -> PlainTextResponse:
    """For Prometheus, in its text format."""
    text = await parts_of(request).exposition.text()
    return PlainTextResponse(text, headers={"Content-Type": CONTENT_TYPE_LATEST})


@router.get("/api/v1/openapi.json", operation_id="getOpenApi", summary="This document", include_in_schema=False)
async def get_openapi(request: Request) -> Response:
    """The OpenAPI document."""
    return Response(document(request.app), media_type="application/json")
