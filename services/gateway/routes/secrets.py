"""Secrets: names and times go out, values only come in. One's own, and those of a virtual cluster (VC)."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from services.gateway import bodies
from services.gateway.domain.holders import require_administrator, require_member
from services.gateway.door import author_of, caller_of
from services.gateway.parts import parts_of
from services.gateway.resources.secrets import Secret, Secrets, SecretValue
from services.gateway.routes.answers import as_json
from services.gateway.routes.documented import body, problems
from services.gateway.routes.parameters import VcPath
from services.gateway.secrets import SecretDocument, of_user, of_vc

router = APIRouter(prefix="/api/v1", tags=["secrets"])

NamePath = Annotated[
    str, Path(alias="name", pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$", description="The secret's name.")
]
_BODY: dict[str, Any] = body("SecretValue", token={"value": "the value, which no answer shows again"})
_NEW: dict[int | str, dict[str, Any]] = {201: {"model": Secret, "description": "There was none of this name."}}
_GONE = 204


@router.get(
    "/me/secrets", operation_id="listMySecrets", summary="My secrets", response_model=Secrets, responses=problems()
)
async def list_my_secrets(request: Request) -> Response:
    """Their names, and when they were set."""
    return await _listed(request, of_user(caller_of(request).name))


@router.get(
    "/me/secrets/{name}",
    operation_id="getMySecret",
    summary="Look at a secret of mine",
    response_model=Secret,
    responses=problems(404, 422),
)
async def get_my_secret(request: Request, name: NamePath) -> Response:
    """That it is there, and since when."""
    return await _looked_at(request, of_user(caller_of(request).name), name)


@router.put(
    "/me/secrets/{name}",
    operation_id="setMySecret",
    summary="Set a secret of mine",
    response_model=Secret,
    responses={**_NEW, **problems(409, 413, 415, 422)},
    openapi_extra=_BODY,
)
async def set_my_secret(request: Request, name: NamePath) -> Response:
    """Jobs that start from now on get this value. At most 64 KiB, and 100 secrets."""
    return await _set(request, of_user(caller_of(request).name), name)


@router.delete(
    "/me/secrets/{name}",
    operation_id="removeMySecret",
    summary="Remove a secret of mine",
    status_code=204,
    responses=problems(404, 422),
)
async def remove_my_secret(request: Request, name: NamePath) -> Response:
    """Jobs that name it and have not started will not start."""
    return await _removed(request, of_user(caller_of(request).name), name)


@router.get(
    "/vcs/{vc}/secrets",
    operation_id="listVcSecrets",
    summary="A virtual cluster's secrets",
    response_model=Secrets,
    responses=problems(404, 422),
)
async def list_vc_secrets(request: Request, vc: VcPath) -> Response:
    """For its members, whose jobs may name them."""
    require_member(caller_of(request), vc)
    return await _listed(request, of_vc(vc))


@router.get(
    "/vcs/{vc}/secrets/{name}",
    operation_id="getVcSecret",
    summary="Look at a virtual cluster's secret",
    response_model=Secret,
    responses=problems(404, 422),
)
async def get_vc_secret(request: Request, vc: VcPath, name: NamePath) -> Response:
    """That it is there, and since when."""
    require_member(caller_of(request), vc)
    return await _looked_at(request, of_vc(vc), name)


@router.put(
    "/vcs/{vc}/secrets/{name}",
    operation_id="setVcSecret",
    summary="Set a virtual cluster's secret",
    response_model=Secret,
    responses={**_NEW, **problems(403, 404, 409, 413, 415, 422)},
    openapi_extra=_BODY,
)
async def set_vc_secret(request: Request, vc: VcPath, name: NamePath) -> Response:
    """For the cluster's administrators. A job whose owner has a secret of the same name gets the owner's."""
    require_administrator(caller_of(request), vc)
    return await _set(request, of_vc(vc), name)


@router.delete(
    "/vcs/{vc}/secrets/{name}",
    operation_id="removeVcSecret",
    summary="Remove a virtual cluster's secret",
    status_code=204,
    responses=problems(403, 404, 422),
)
async def remove_vc_secret(request: Request, vc: VcPath, name: NamePath) -> Response:
    """For the cluster's administrators."""
    require_administrator(caller_of(request), vc)
    return await _removed(request, of_vc(vc), name)


async def _listed(request: Request, holder: str) -> Response:
    found = await parts_of(request).secrets.names(holder)
    return as_json(Secrets(items=tuple(map(_resource, found))))


async def _looked_at(request: Request, holder: str, name: str) -> Response:
    return as_json(_resource(await parts_of(request).secrets.get(holder, name)))


async def _set(request: Request, holder: str, name: str) -> Response:
    parts = parts_of(request)
    raw = await bodies.read(request, parts.settings.body_timeout_s)
    told, _ = bodies.parsed(SecretValue, raw)
    secret, new = await parts.secrets.put(holder, name, told.value, author_of(request))
    return as_json(_resource(secret), 201 if new else 200)


async def _removed(request: Request, holder: str, name: str) -> Response:
    await parts_of(request).secrets.remove(holder, name, author_of(request))
    return Response(status_code=_GONE)


def _resource(secret: SecretDocument) -> Secret:
    return Secret(
        name=secret.name, created_at=secret.created_at, updated_at=secret.updated_at, updated_by=secret.updated_by
    )
