"""Prometheus' own HTTP API, as far as Grafana and others ask it, over the series that the caller may see."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.gateway import bodies
from services.gateway.domain.access import Caller
from services.gateway.door import signed_in
from services.gateway.parts import parts_of
from services.gateway.problems import MEDIA_TYPE, request_id_of
from services.gateway.promql.asking import Asked, asked
from services.gateway.promql.complaints import complaint
from services.gateway.promql.querying import Querying
from services.gateway.routes.direct import DirectRoute
from services.gateway.routes.documented import Responses, form, problems, texts
from services.gateway.streaming import CHANGED
from services.gateway.watch import Watch
from shared.contracts.errors import Refusal, Unavailable

router = APIRouter(prefix="/api/v1/prometheus/api/v1", tags=["metrics"], route_class=DirectRoute)

Ask = Callable[[Querying, Caller, Asked], Awaitable[bytes]]

QUERY = ("query", "The expression, in PromQL.")
MATCH = ("match[]", "A selector of series; may be repeated.")
TIME = ("time", "Seconds since 1970, or RFC 3339; now, where there is none.")
START = ("start", "Seconds since 1970, or RFC 3339.")
END = ("end", "The same.")
STEP = ("step", "Seconds, or a duration as `15s`.")
LIMIT = ("limit", "The most results.")
METRIC = ("metric", "Only this one.")
LABEL = {"name": "label", "in": "path", "required": True, "schema": {"type": "string"}, "description": "A label."}


def _problems(*statuses: int) -> Responses:
    """Problems, also in the words of Prometheus."""
    either = [{"$ref": f"#/components/schemas/{name}"} for name in ("QueryProblem", "Problem")]
    content = {MEDIA_TYPE: {"schema": {"anyOf": either}}}
    return {status: {**response, "content": content} for status, response in problems(*statuses).items()}


_SUCCESS: Responses = {
    200: {"description": "As Prometheus answers.", "content": {"application/json": {"schema": {"type": "object"}}}}
}
_READ: dict[str, Any] = {"response_class": Response, "responses": {**_SUCCESS, **_problems(403, 422, 429)}}
_POSTED: dict[str, Any] = {"response_class": Response, "responses": {**_SUCCESS, **_problems(403, 413, 415, 422, 429)}}


@router.get(
    "/query",
    operation_id="queryPrometheus",
    summary="An expression at one moment",
    openapi_extra=texts(QUERY, TIME, LIMIT),
    **_READ,
)
async def query_prometheus(request: Request) -> Response:
    """PromQL over the series of the jobs whose METRICS the caller may read; over everything for an administrator."""
    return await _answered(request, Querying.query)


@router.post(
    "/query",
    operation_id="queryPrometheusByForm",
    summary="The same, by a form",
    openapi_extra=form(QUERY, TIME, LIMIT),
    **_POSTED,
)
async def query_prometheus_by_form(request: Request) -> Response:
    """As the GET, for expressions that are too long for an address."""
    return await _answered(request, Querying.query)


@router.get(
    "/query_range",
    operation_id="queryPrometheusRange",
    summary="An expression over a range",
    openapi_extra=texts(QUERY, START, END, STEP, LIMIT),
    **_READ,
)
async def query_prometheus_range(request: Request) -> Response:
    """PromQL as above, once per step; at most 11,000 points."""
    return await _answered(request, Querying.query_range)


@router.post(
    "/query_range",
    operation_id="queryPrometheusRangeByForm",
    summary="The same, by a form",
    openapi_extra=form(QUERY, START, END, STEP, LIMIT),
    **_POSTED,
)
async def query_prometheus_range_by_form(request: Request) -> Response:
    """As the GET, for expressions that are too long for an address."""
    return await _answered(request, Querying.query_range)


@router.get(
    "/series", operation_id="findSeries", summary="Series", openapi_extra=texts(MATCH, START, END, LIMIT), **_READ
)
async def find_series(request: Request) -> Response:
    """The series that any of the selectors finds, of those that the caller may read."""
    return await _answered(request, Querying.series)


@router.post(
    "/series",
    operation_id="findSeriesByForm",
    summary="The same, by a form",
    openapi_extra=form(MATCH, START, END, LIMIT),
    **_POSTED,
)
async def find_series_by_form(request: Request) -> Response:
    """As the GET."""
    return await _answered(request, Querying.series)


@router.get(
    "/labels",
    operation_id="listSeriesLabels",
    summary="Labels of series",
    openapi_extra=texts(MATCH, START, END, LIMIT),
    **_READ,
)
async def list_series_labels(request: Request) -> Response:
    """The names of the labels of the series that the caller may read."""
    return await _answered(request, Querying.labels)


@router.post(
    "/labels",
    operation_id="listSeriesLabelsByForm",
    summary="The same, by a form",
    openapi_extra=form(MATCH, START, END, LIMIT),
    **_POSTED,
)
async def list_series_labels_by_form(request: Request) -> Response:
    """As the GET."""
    return await _answered(request, Querying.labels)


@router.get(
    "/label/{label}/values",
    operation_id="listLabelValues",
    summary="Values of a label",
    openapi_extra={"parameters": [LABEL, *texts(MATCH, START, END, LIMIT)["parameters"]]},
    **_READ,
)
async def list_label_values(request: Request) -> Response:
    """The values that a label has in the series that the caller may read."""
    label = str(request.path_params["label"])
    return await _answered(request, lambda querying, caller, asked: querying.values(caller, asked, label))


@router.get(
    "/metadata",
    operation_id="listMetrics",
    summary="Metrics and their types",
    openapi_extra=texts(METRIC, LIMIT),
    **_READ,
)
async def list_metrics(request: Request) -> Response:
    """Those of jobs; for an administrator, all that there are."""
    return await _answered(request, Querying.metadata)


@router.get("/status/buildinfo", operation_id="getPrometheusBuild", summary="Version of Prometheus", **_READ)
async def get_prometheus_build(request: Request) -> Response:
    """Grafana asks for it to know what it may ask."""
    return await _answered(request, lambda querying, caller, asked: querying.build(caller))


async def _answered(request: Request, ask: Ask) -> Response:
    """The answer, if the caller is still what the caller was when the question came."""
    parts, who = parts_of(request), signed_in(request)
    try:
        body = await bodies.read(request, parts.settings.body_timeout_s) if request.method == "POST" else b""
        answer = await ask(parts.querying, who.caller, asked(request.scope["query_string"], body))
        if not await Watch(who, parts.clock).lasts():
            raise Unavailable(CHANGED)
    except Refusal as refusal:
        return complaint(refusal, request_id_of(request.scope))
    return Response(answer, media_type="application/json")
