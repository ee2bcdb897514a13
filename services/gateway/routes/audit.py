"""The audit, for platform administrators: as pages, or whole as JSON lines."""

from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.apitokens import TokenName
from services.gateway.audit import Audit, Wanted
from services.gateway.domain.access import require_admin
from services.gateway.door import caller_of
from services.gateway.parts import parts_of
from services.gateway.resources.people import AuditPage
from services.gateway.routes.answers import as_json
from services.gateway.routes.documented import content, problems
from services.gateway.routes.streams import byte_stream

router = APIRouter(prefix="/api/v1/audit", tags=["audit"])

LINES = "application/jsonl"


class AuditQuery(BaseModel):
    """Which entries somebody wants."""

    model_config = ConfigDict(extra="forbid")

    actor: str | None = Field(None, min_length=1, max_length=128, description="Who did it; `jobyard`: the platform.")
    action: str | None = Field(None, pattern=r"^[a-z]+\.[a-z_]+$", max_length=64, description="As `job.killed`.")
    target: str | None = Field(
        None, pattern=r"^[a-z]+/[A-Za-z0-9._:/-]+$", max_length=128, description="As `user/ada`."
    )
    address: str | None = Field(None, pattern=r"^[0-9A-Za-z.:%_-]+$", max_length=64, description="From where it came.")
    token: TokenName | None = Field(None, description="The name of the API token that was used.")
    after: AwareDatetime | None = Field(None, description="From this moment on.")
    before: AwareDatetime | None = Field(None, description="Up to this moment, which is not included.")
    limit: int = Field(50, ge=1, le=500, description="Entries on a page.")
    cursor: str | None = Field(None, max_length=512, description="`next_cursor` of the page before.")

    @property
    def wanted(self) -> Wanted:
        return Wanted(**self.model_dump(exclude={"limit", "cursor"}))


@router.get(
    "",
    operation_id="listAudit",
    summary="Who changed what",
    response_model=AuditPage,
    responses={**content(LINES, "A page, or every entry as a line."), **problems(403, 422, 429)},
)
async def list_audit(request: Request, query: Annotated[AuditQuery, Query()]) -> Response:
    """Every change that somebody made, newest first. With `Accept: application/jsonl` all of them, an AuditEntry a
    line, whatever `limit` and `cursor` say.
    """
    require_admin(caller_of(request))
    parts = parts_of(request)
    audit = parts.audit
    if LINES in request.headers.get("accept", ""):
        return byte_stream(request, _lines(audit, query.wanted), LINES)
    items, cursor = await audit.page(query.wanted, query.limit, query.cursor)
    return as_json(AuditPage(items=items, next_cursor=cursor))


async def _lines(audit: Audit, wanted: Wanted) -> AsyncGenerator[bytes, None]:
    async for entry in audit.all(wanted):
        yield entry.model_dump_json().encode() + b"\n"
