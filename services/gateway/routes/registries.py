"""Registries of images: what a virtual cluster (VC) pulls with. Names and times go out, credentials only come in."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from services.gateway import bodies
from services.gateway.domain.holders import require_administrator, require_member
from services.gateway.door import author_of, caller_of
from services.gateway.parts import parts_of
from services.gateway.registries.registry import Login
from services.gateway.resources.registries import Registries, Registry, RegistryCredentials
from services.gateway.routes.answers import as_json
from services.gateway.routes.documented import body, problems
from services.gateway.routes.parameters import VcPath
from services.gateway.secrets import SecretDocument
from shared.contracts.errors import FieldError, Invalid
from shared.contracts.images import LONGEST, registry_host

router = APIRouter(prefix="/api/v1/vcs/{vc}/registries", tags=["users"])

RegistryPath = Annotated[
    str, Path(alias="registry", max_length=LONGEST, description="Its name, with its port if that is not 443.")
]
_BODY: dict[str, Any] = body("RegistryCredentials", robot={"username": "robot", "password": "its token"})
_NEW: dict[int | str, dict[str, Any]] = {201: {"model": Registry, "description": "There were none for it."}}


@router.get(
    "",
    operation_id="listVcRegistries",
    summary="A virtual cluster's registries",
    response_model=Registries,
    responses=problems(404, 422),
)
async def list_registries(request: Request, vc: VcPath) -> Response:
    """For its members: which registries its jobs' images are pulled from with credentials."""
    require_member(caller_of(request), vc)
    found = await parts_of(request).logins.list(vc)
    return as_json(Registries(items=tuple(map(_resource, found))))


@router.put(
    "/{registry}",
    operation_id="setVcRegistry",
    summary="Set credentials for a registry",
    response_model=Registry,
    responses={**_NEW, **problems(403, 404, 409, 413, 415, 422)},
    openapi_extra=_BODY,
)
async def set_registry(request: Request, vc: VcPath, registry: RegistryPath) -> Response:
    """For the cluster's administrators. Jobs that are submitted from now on are pulled with them."""
    parts, caller = parts_of(request), caller_of(request)
    require_administrator(caller, vc)
    await parts.vcs.check_there(vc)
    told, _ = bodies.parsed(RegistryCredentials, await bodies.read(request, parts.settings.body_timeout_s))
    login = Login(told.username, told.password)
    kept, new = await parts.logins.put(vc, _host(registry), login, author_of(request))
    return as_json(_resource(kept), 201 if new else 200)


@router.delete(
    "/{registry}",
    operation_id="removeVcRegistry",
    summary="Remove credentials for a registry",
    status_code=204,
    responses=problems(403, 404, 422),
)
async def remove_registry(request: Request, vc: VcPath, registry: RegistryPath) -> Response:
    """For the cluster's administrators. Jobs that wait and need them will not start."""
    require_administrator(caller_of(request), vc)
    await parts_of(request).logins.remove(vc, _host(registry), author_of(request))
    return Response(status_code=204)


def _host(text: str) -> str:
    try:
        return registry_host(text)
    except ValueError as error:
        raise Invalid(f"registry: {error}.", (FieldError(field="registry", message=str(error)),)) from None


def _resource(login: SecretDocument) -> Registry:
    return Registry(
        registry=login.name, created_at=login.created_at, updated_at=login.updated_at, updated_by=login.updated_by
    )
