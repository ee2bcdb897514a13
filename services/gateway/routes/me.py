"""Oneself: who one is, one's password, one's API tokens, and one's SSH keys."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from services.gateway import bodies
from services.gateway.door import author_of, caller_of, person_of
from services.gateway.parts import parts_of
from services.gateway.resources.people import (
    ApiToken,
    ApiTokens,
    MadeApiToken,
    Me,
    NewApiToken,
    NewSshKey,
    PasswordChange,
    SshKey,
    SshKeys,
)
from services.gateway.routes.answers import as_json
from services.gateway.routes.documented import body, problems

router = APIRouter(prefix="/api/v1/me", tags=["account"])

KeyPath = Annotated[str, Path(alias="id", pattern=r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$", description="The key's id.")]
TokenPath = Annotated[str, Path(alias="id", pattern=r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$", description="The token's id.")]


@router.get("", operation_id="getMe", summary="Who is asking", response_model=Me, responses=problems())
async def get_me(request: Request) -> Response:
    """The account that the token belongs to, and what it may do now."""
    return as_json(Me.from_caller(caller_of(request), parts_of(request).grafana.dashboard))


@router.post(
    "/password",
    operation_id="changePassword",
    summary="Change one's password",
    status_code=204,
    responses=problems(403, 413, 415, 422, 429),
    openapi_extra=body("PasswordChange", new={"current": "the present one", "new": "a long sentence"}),
)
async def change_password(request: Request) -> Response:
    """Ends everything that one is signed in with, within 5 s; API tokens stay until they are revoked."""
    person_of(request)
    parts = parts_of(request)
    change, _ = bodies.parsed(PasswordChange, await bodies.read(request, parts.settings.body_timeout_s))
    await parts.sign_in.change_password(author_of(request), change.current, change.new)
    return Response(status_code=204)


@router.get(
    "/tokens", operation_id="listApiTokens", summary="One's API tokens", response_model=ApiTokens, responses=problems()
)
async def list_api_tokens(request: Request) -> Response:
    """Those that count, without their secrets."""
    tokens = await parts_of(request).api_tokens.of(caller_of(request).name)
    return as_json(ApiTokens(items=tuple(ApiToken.from_document(token) for token in tokens)))


@router.post(
    "/tokens",
    operation_id="createApiToken",
    summary="Make an API token",
    status_code=201,
    response_model=MadeApiToken,
    responses=problems(403, 409, 413, 415, 422),
    openapi_extra=body("NewApiToken", script={"name": "nightly", "scope": "act"}),
)
async def create_api_token(request: Request) -> Response:
    """The answer shows the token this one time. Not with an API token: it could outlive its own revocation."""
    person_of(request)
    parts = parts_of(request)
    new, _ = bodies.parsed(NewApiToken, await bodies.read(request, parts.settings.body_timeout_s))
    token, secret = await parts.api_tokens.create(author_of(request), new.name, new.scope)
    made = MadeApiToken(**ApiToken.from_document(token).model_dump(), token=secret)
    return as_json(made, 201)


@router.delete(
    "/tokens/{id}",
    operation_id="revokeApiToken",
    summary="Revoke an API token",
    status_code=204,
    responses=problems(403, 404, 413, 415, 422),
)
async def revoke_api_token(request: Request, id: TokenPath) -> Response:
    """It stops counting within 5 s, for open streams too."""
    person_of(request)
    await parts_of(request).api_tokens.revoke(author_of(request), id)
    return Response(status_code=204)


@router.get("/keys", operation_id="listSshKeys", summary="One's SSH keys", response_model=SshKeys, responses=problems())
async def list_ssh_keys(request: Request) -> Response:
    """Those that let one into one's jobs."""
    keys = await parts_of(request).ssh_keys.of(caller_of(request).name)
    return as_json(SshKeys(items=tuple(SshKey.from_document(key) for key in keys)))


@router.post(
    "/keys",
    operation_id="addSshKey",
    summary="Add a public SSH key",
    status_code=201,
    response_model=SshKey,
    responses=problems(403, 409, 413, 415, 422),
    openapi_extra=body("NewSshKey", laptop={"name": "laptop", "public_key": "ssh-ed25519 AAAA... ada@laptop"}),
)
async def add_ssh_key(request: Request) -> Response:
    """Several accounts may have one key. Not with an API token: it could outlive its own revocation."""
    person_of(request)
    parts = parts_of(request)
    new, _ = bodies.parsed(NewSshKey, await bodies.read(request, parts.settings.body_timeout_s))
    key = await parts.ssh_keys.add(author_of(request), new.name, new.public_key)
    return as_json(SshKey.from_document(key), 201)


@router.delete(
    "/keys/{id}",
    operation_id="removeSshKey",
    summary="Remove an SSH key",
    status_code=204,
    responses=problems(403, 404, 413, 415, 422),
)
async def remove_ssh_key(request: Request, id: KeyPath) -> Response:
    """It stops counting within 5 s, and connections that it opened are cut."""
    person_of(request)
    await parts_of(request).ssh_keys.remove(author_of(request), id)
    return Response(status_code=204)
