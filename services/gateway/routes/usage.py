"""Who has used what: as JSON, or as a table for a spreadsheet."""

import csv
import io
import re
from datetime import UTC, date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.domain.usage import UsageGroup
from services.gateway.door import caller_of
from services.gateway.parts import parts_of
from services.gateway.resources.usage import COLUMNS, UsageSummary
from services.gateway.routes.answers import as_json
from services.gateway.routes.documented import content, problems
from shared.contracts.base import UserName, VcName
from shared.contracts.errors import FieldError, Invalid

router = APIRouter(prefix="/api/v1/usage", tags=["usage"])

TABLE = "text/csv"
MOST_DAYS = 366
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def _day(text: Any) -> date:
    """No other form: a number would be read as seconds."""
    try:
        if isinstance(text, str) and _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError("must be a day, for example 2026-11-28")


Day = Annotated[date, BeforeValidator(_day)]


class UsageQuery(BaseModel):
    """Which days somebody wants, whose, and how they are told apart."""

    model_config = ConfigDict(extra="forbid")

    first: Day | None = Field(None, description="UTC. Default: the first day of the month of `last`.")
    last: Day | None = Field(None, description=f"UTC, included; at most {MOST_DAYS} days. Default: today.")
    vc: VcName | None = Field(None, description="Only of this virtual cluster.")
    owner: UserName | None = Field(None, description="Only of this user.")
    group: str = Field(
        "day,vc,owner",
        max_length=40,
        description="What lines are told apart by, separated by commas: some of `day`, `vc` and `owner`, or nothing. "
        "Types of devices always are.",
    )

    @field_validator("group")
    @classmethod
    def _known(cls, group: str) -> str:
        names = [name.strip() for name in group.split(",")] if group.strip() else []
        if not set(names) <= set(UsageGroup) or len(set(names)) < len(names):
            raise ValueError(f"must be some of {', '.join(UsageGroup)}, each once, separated by commas")
        return group

    @property
    def groups(self) -> tuple[UsageGroup, ...]:
        names = {name.strip() for name in self.group.split(",")}
        return tuple(group for group in UsageGroup if group in names)

    def days(self, today: date) -> tuple[date, date]:
        """The first and the last day. Raises Invalid."""
        last = self.last or today
        first = self.first or last.replace(day=1)
        if first > last:
            raise _wrong("first", f"must not be after last, {last}")
        if last - first >= timedelta(days=MOST_DAYS):
            raise _wrong("first", f"must be less than {MOST_DAYS} days before last, {last}; ask for several times")
        return first, last


@router.get(
    "",
    operation_id="getUsage",
    summary="Who has used what",
    response_model=UsageSummary,
    responses={**content(TABLE, "The lines, or the same as a table."), **problems(403, 422)},
)
async def get_usage(request: Request, query: Annotated[UsageQuery, Query()]) -> Response:
    """What was used, by day (UTC), virtual cluster (VC), user and type of device: the caller's own; all of a VC for its
    administrators; everything for platform administrators. Attempts count once they are over, on each of their days
    for its part. With `Accept: text/csv` as a table.
    """
    parts = parts_of(request)
    first, last = query.days(parts.clock.now().astimezone(UTC).date())
    found = await parts.usage.summary(caller_of(request), first, last, query.vc, query.owner, query.groups)
    if TABLE not in request.headers.get("accept", ""):
        return as_json(found)
    name = f"usage-{first}-{last}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(table_of(found), headers=headers, media_type=TABLE)


def table_of(found: UsageSummary) -> str:
    """As RFC 4180 has it. No cell is a formula to a spreadsheet, whatever somebody is called."""
    text = io.StringIO()
    columns = (*found.group, *COLUMNS)
    writer = csv.writer(text)
    writer.writerow(columns)
    for line in found.items:
        writer.writerow([_inert(getattr(line, column)) for column in columns])
    return text.getvalue()


def _inert(value: Any) -> str:
    text = f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _wrong(field: str, message: str) -> Invalid:
    return Invalid(f"{field}: {message}.", (FieldError(field=field, message=message),))
