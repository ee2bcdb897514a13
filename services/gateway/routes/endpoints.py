"""Ways into a running job: SSH, Jupyter, TensorBoard, and ports that its programs listen on."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from services.gateway import bodies
from services.gateway.door import author_of, caller_of, signed_in
from services.gateway.parts import parts_of
from services.gateway.resources.changes import NewEndpoint
from services.gateway.routes.answers import as_json
from services.gateway.routes.direct import DirectRoute
from services.gateway.routes.documented import body, problems
from services.gateway.routes.parameters import JobPath
from shared.contracts.endpoints import NAME, Endpoint, Endpoints, Ticket

router = APIRouter(prefix="/api/v1/jobs/{job_id}/endpoints", route_class=DirectRoute, tags=["endpoints"])

NamePath = Annotated[
    str,
    Path(
        alias="name",
        pattern=NAME,
        description="`ssh`, `jupyter`, `tensorboard` or `port-<n>`.",
    ),
]


@router.get(
    "",
    operation_id="listEndpoints",
    summary="Ways into a job",
    response_model=Endpoints,
    responses=problems(403, 404, 422),
)
async def list_endpoints(request: Request, job_id: JobPath) -> Response:
    """Those that were asked for, with their status and how to use them; for whoever may use them."""
    return as_json(await parts_of(request).ways.list(caller_of(request), job_id))


@router.post(
    "",
    operation_id="addEndpoint",
    summary="Open a way into a job",
    status_code=201,
    response_model=Endpoint,
    responses=problems(403, 404, 409, 413, 415, 422),
    openapi_extra=body("NewEndpoint", jupyter={"name": "jupyter"}, port={"name": "port", "port": 8080}),
)
async def add_endpoint(request: Request, job_id: JobPath) -> Response:
    """It is ready while the job runs, and lasts as long as the job. One that is there already is answered as it is;
    one that failed or was closed begins anew. 409 for a job that is over.
    """
    parts = parts_of(request)
    new, _ = bodies.parsed(NewEndpoint, await bodies.read(request, parts.settings.body_timeout_s))
    endpoint = await parts.ways.add(caller_of(request), job_id, new, author_of(request))
    return as_json(endpoint, 201, {"Location": f"/api/v1/jobs/{job_id}/endpoints/{endpoint.name}"})


@router.delete(
    "/{name}",
    operation_id="removeEndpoint",
    summary="Close a way into a job",
    response_model=Endpoint,
    responses=problems(403, 404, 422),
)
async def remove_endpoint(request: Request, job_id: JobPath, name: NamePath) -> Response:
    """Its program stops, and whoever is connected is cut within 5 s."""
    return as_json(await parts_of(request).ways.remove(caller_of(request), job_id, name, author_of(request)))


@router.post(
    "/{name}/ticket",
    operation_id="issueTicket",
    summary="Open a way into a job in a browser",
    response_model=Ticket,
    responses=problems(403, 404, 409, 422, 429),
)
async def issue_ticket(request: Request, job_id: JobPath, name: NamePath) -> Response:
    """An address that a browser without a token may open: once, within a minute. What it becomes there counts for
    this endpoint alone, as long as the caller's own token does, for 12 hours at most. 409 while the job does not run,
    429 for somebody who has 100 that are not used yet.
    """
    who = signed_in(request)
    return as_json(await parts_of(request).ways.ticket(who.caller, job_id, name, who.credential, author_of(request)))
