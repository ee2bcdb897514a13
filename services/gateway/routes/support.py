"""Help from the operators, notifications, and the secret of one's webhooks."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.gateway import bodies, idempotency
from services.gateway.domain.access import require_admin
from services.gateway.door import author_of, caller_of, person_of
from services.gateway.listing import ListScope
from services.gateway.parts import parts_of
from services.gateway.problems import request_id_of
from services.gateway.resources.changes import SupportRequest
from services.gateway.routes.answers import as_json
from services.gateway.routes.direct import DirectRoute
from services.gateway.routes.documented import body, problems
from services.gateway.routes.parameters import IDEMPOTENCY_KEY, JobPath
from shared.contracts.notify import (
    CASES_ON_A_PAGE,
    CasePage,
    Notifications,
    SupportCase,
    SupportCases,
    WebhookSecret,
)

router = APIRouter(prefix="/api/v1", route_class=DirectRoute)

_EXAMPLE = {"subject": "It waits for ever", "message": "It should have started yesterday.", "include_logs": True}


@router.post(
    "/jobs/{job_id}/support",
    operation_id="requestSupport",
    summary="Ask the operators for help",
    tags=["support"],
    status_code=202,
    response_model=SupportCase,
    responses=problems(403, 404, 409, 413, 415, 422, 429),
    openapi_extra={**body("SupportRequest", waits=_EXAMPLE), "parameters": [IDEMPOTENCY_KEY]},
)
async def request_support(request: Request, job_id: JobPath) -> Response:
    """Stores a case; one mail about it goes to the operators, with the job, its history and its last lines."""
    parts, caller = parts_of(request), caller_of(request)
    asked, plain = bodies.parsed(SupportRequest, await bodies.read(request, parts.settings.body_timeout_s))
    key = idempotency.checked(request.headers.get("idempotency-key"))
    email = await parts.accounts.email_of(caller.name)
    case = await parts.desk.request(caller, job_id, asked, plain, email, key, request_id_of(request.scope))
    return as_json(case, 202, {"Location": f"/api/v1/jobs/{job_id}/support"})


@router.get(
    "/jobs/{job_id}/support",
    operation_id="listSupportCases",
    summary="What was asked about a job",
    tags=["support"],
    response_model=SupportCases,
    responses=problems(403, 404, 422),
)
async def list_support_cases(request: Request, job_id: JobPath) -> Response:
    """The newest first, and whether the operators have each."""
    return as_json(await parts_of(request).desk.cases(caller_of(request), job_id))


class CaseQuery(BaseModel):
    """Which cases a page shows."""

    model_config = ConfigDict(extra="forbid")

    scope: ListScope = Field(ListScope.MINE, description="`mine`: what the caller asked; `all`: for administrators.")
    limit: int = Field(CASES_ON_A_PAGE, ge=1, le=CASES_ON_A_PAGE, description="Cases on a page.")
    cursor: str | None = Field(
        None, pattern=r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$", description="`next_cursor` of the page before."
    )


@router.get(
    "/support",
    operation_id="listAllSupportCases",
    summary="What was asked about any job",
    tags=["support"],
    response_model=CasePage,
    responses=problems(403, 422),
)
async def list_all_support_cases(request: Request, query: Annotated[CaseQuery, Query()]) -> Response:
    """The newest first: one's own, or for platform administrators everybody's."""
    caller = caller_of(request)
    if query.scope is ListScope.ALL:
        require_admin(caller)
    requester = caller.name if query.scope is ListScope.MINE else None
    return as_json(await parts_of(request).desk.all_cases(requester, query.cursor, query.limit))


@router.get(
    "/jobs/{job_id}/notifications",
    operation_id="listNotifications",
    summary="Who was told about a job",
    tags=["notifications"],
    response_model=Notifications,
    responses=problems(403, 404, 422),
)
async def list_notifications(request: Request, job_id: JobPath) -> Response:
    """The newest first: what was told to whom, and whether it arrived."""
    return as_json(await parts_of(request).desk.notifications(caller_of(request), job_id))


@router.get(
    "/me/notifications",
    operation_id="listMyNotifications",
    summary="Who was told about my jobs",
    tags=["notifications"],
    response_model=Notifications,
    responses=problems(),
)
async def list_my_notifications(request: Request) -> Response:
    """About all jobs of the caller, the newest first: what was told to whom, and whether it arrived."""
    return as_json(await parts_of(request).desk.notifications_of(caller_of(request)))


@router.get(
    "/me/webhook-secret",
    operation_id="getWebhookSecret",
    summary="The secret of my webhooks",
    tags=["notifications"],
    response_model=WebhookSecret,
    responses=problems(403),
)
async def get_webhook_secret(request: Request) -> Response:
    """What the webhooks of the caller's jobs are signed with, by the scheme of Standard Webhooks. Not with an API
    token: a secret that one has read outlives its revocation.
    """
    return as_json(await parts_of(request).desk.webhook_secret(person_of(request)))


@router.post(
    "/me/webhook-secret",
    operation_id="renewWebhookSecret",
    summary="Make a new secret for my webhooks",
    tags=["notifications"],
    response_model=WebhookSecret,
    responses=problems(403),
)
async def renew_webhook_secret(request: Request) -> Response:
    """For a day webhooks are signed with the former one as well. Not with an API token. After a 503 it may still be
    made; asking again makes no second one then.
    """
    person_of(request)
    return as_json(await parts_of(request).renewals.renew(author_of(request)))
