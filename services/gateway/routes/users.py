"""Users, for platform administrators."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.gateway import bodies
from services.gateway.domain.access import require_admin
from services.gateway.door import author_of, caller_of
from services.gateway.parts import Parts, parts_of
from services.gateway.resources.people import NewUser, User, UserChange, Users
from services.gateway.routes.answers import as_json
from services.gateway.routes.documented import body, problems
from shared.contracts.errors import Conflict, FieldError, Invalid

router = APIRouter(prefix="/api/v1/users", tags=["users"])

UserPath = Annotated[str, Path(alias="name", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="The user.")]
_ADA = {"username": "ada", "password": "a long sentence", "email": "ada@example.org", "vcs": {"default": "member"}}
CHANGED = ("email", "admin", "disabled")
ONESELF = "You can't disable yourself or give up being an administrator. Ask another administrator."


class UserQuery(BaseModel):
    """Which accounts a page shows."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(100, ge=1, le=500, description="Users on a page.")
    cursor: str | None = Field(
        None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="`next_cursor` of the page before."
    )


@router.post(
    "",
    operation_id="createUser",
    summary="Make a user",
    status_code=201,
    response_model=User,
    responses=problems(403, 409, 413, 415, 422),
    openapi_extra=body("NewUser", ada=_ADA),
)
async def create_user(request: Request) -> Response:
    """An account with a password, for administrators to make. It counts at once."""
    parts, caller = parts_of(request), caller_of(request)
    require_admin(caller)
    new, _ = bodies.parsed(NewUser, await bodies.read(request, parts.settings.body_timeout_s))
    await parts.vcs.check(new.vcs)
    account = await parts.accounts.create(
        new.username,
        author_of(request),
        password_hash=await parts.passwords.hash(new.password),
        email=new.email,
        vcs=new.vcs,
        admin=new.admin,
    )
    return as_json(User.from_account(account), 201, {"Location": f"/api/v1/users/{account.id}"})


@router.get("", operation_id="listUsers", summary="List users", response_model=Users, responses=problems(403, 422))
async def list_users(request: Request, query: Annotated[UserQuery, Query()]) -> Response:
    """Every account, by name, for administrators."""
    require_admin(caller_of(request))
    page = await parts_of(request).accounts.documents.page(query.limit, query.cursor)
    users = tuple(User.from_account(account) for account in page.items if not account.removed)
    return as_json(Users(items=users, next_cursor=page.items[-1].id if page.after else None))


@router.patch(
    "/{name}",
    operation_id="updateUser",
    summary="Change a user",
    response_model=User,
    responses=problems(403, 404, 409, 413, 415, 422),
    openapi_extra=body("UserChange", disable={"disabled": True}, promote={"vcs": {"lab": "admin", "default": None}}),
)
async def update_user(request: Request, name: UserPath) -> Response:
    """Disabling and a new password end what the account is signed in with; every change counts within 5 s."""
    parts, caller = parts_of(request), caller_of(request)
    require_admin(caller)
    change, _ = bodies.parsed(UserChange, await bodies.read(request, parts.settings.body_timeout_s))
    named = change.model_fields_set
    if name == caller.name and (change.disabled or ("admin" in named and not change.admin)):
        raise Conflict(ONESELF)
    await parts.vcs.check(vc for vc, role in change.vcs.items() if role is not None)
    fields: dict[str, Any] = {field: getattr(change, field) for field in CHANGED if field in named}
    if "password" in named:
        fields |= await _password(parts, name, change.password)
    account = await parts.accounts.update(name, author_of(request), fields, change.vcs)
    return as_json(User.from_account(account))


@router.delete(
    "/{name}",
    operation_id="removeUser",
    summary="Remove a user",
    status_code=204,
    responses=problems(403, 404, 409, 422),
)
async def remove_user(request: Request, name: UserPath) -> Response:
    """For platform administrators; 409 while a job of the user is not over. Secrets and tokens go; jobs and the audit
    keep the name, so nobody else can have it.
    """
    parts = parts_of(request)
    require_admin(caller_of(request))
    await parts.removals.user(name, author_of(request))
    return Response(status_code=204)


async def _password(parts: Parts, name: str, password: str | None) -> dict[str, Any]:
    """Raises Invalid for none, Conflict for an account of the issuer's."""
    if password is None:
        message = "must be a string; leave it out to keep the present one"
        raise Invalid(f"password: {message}.", (FieldError(field="password", message=message),))
    account = await parts.accounts.get(name)
    if account is not None and account.subject is not None:
        raise Conflict(f"{name} signs in at the OIDC issuer and has no password here.")
    return {"password_hash": await parts.passwords.hash(password)}
