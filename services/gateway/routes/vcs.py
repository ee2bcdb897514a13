"""Virtual clusters: what they are called, who reads what in them, and what they allow."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from services.gateway import bodies
from services.gateway.domain.access import require_admin
from services.gateway.door import author_of, caller_of
from services.gateway.parts import parts_of
from services.gateway.resources.people import NewVc, Vc, VcChange, Vcs
from services.gateway.routes.answers import as_json
from services.gateway.routes.documented import body, problems

router = APIRouter(prefix="/api/v1/vcs", tags=["users"])

VcPath = Annotated[str, Path(alias="name", pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$", description="Its name.")]


@router.post(
    "",
    operation_id="createVc",
    summary="Make a virtual cluster",
    status_code=201,
    response_model=Vc,
    responses=problems(403, 409, 413, 415, 422),
    openapi_extra=body("NewVc", lab={"name": "lab", "open": False, "jobs_per_user": 20}),
)
async def create_vc(request: Request) -> Response:
    """For platform administrators."""
    parts, caller = parts_of(request), caller_of(request)
    require_admin(caller)
    new, _ = bodies.parsed(NewVc, await bodies.read(request, parts.settings.body_timeout_s))
    vc = await parts.vcs.create(new.name, new.model_dump(exclude={"name"}), author_of(request))
    return as_json(Vc.from_document(vc, caller), 201, {"Location": f"/api/v1/vcs/{vc.id}"})


@router.get("", operation_id="listVcs", summary="List virtual clusters", response_model=Vcs, responses=problems())
async def list_vcs(request: Request) -> Response:
    """Those that the caller belongs to; all of them for platform administrators."""
    caller = caller_of(request)
    seen = [vc for vc in await parts_of(request).vcs.all() if caller.admin or vc.id in caller.vcs]
    return as_json(Vcs(items=tuple(Vc.from_document(vc, caller) for vc in seen)))


@router.patch(
    "/{name}",
    operation_id="updateVc",
    summary="Change a virtual cluster",
    response_model=Vc,
    responses=problems(403, 404, 413, 415, 422),
    openapi_extra=body("VcChange", close={"open": False}, bound={"max_priority": 500, "max_duration_s": None}),
)
async def update_vc(request: Request, name: VcPath) -> Response:
    """For platform administrators; it counts within 5 s."""
    parts, caller = parts_of(request), caller_of(request)
    require_admin(caller)
    change, _ = bodies.parsed(VcChange, await bodies.read(request, parts.settings.body_timeout_s))
    vc = await parts.vcs.update(name, change.model_dump(exclude_unset=True), author_of(request))
    return as_json(Vc.from_document(vc, caller))


@router.delete(
    "/{name}",
    operation_id="removeVc",
    summary="Remove a virtual cluster",
    status_code=204,
    responses=problems(403, 404, 409, 422),
)
async def remove_vc(request: Request, name: VcPath) -> Response:
    """For platform administrators; 409 while it has members or jobs that are not over. Its secrets go; its name stays
    taken.
    """
    parts = parts_of(request)
    require_admin(caller_of(request))
    await parts.removals.vc(name, author_of(request))
    return Response(status_code=204)
