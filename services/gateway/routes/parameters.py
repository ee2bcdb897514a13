"""Parameters that several routes share, each checked before anything is asked."""

from typing import Annotated

from fastapi import Path
from starlette.requests import Request

from shared.contracts.errors import FieldError, Invalid

JobPath = Annotated[
    str,
    Path(alias="job_id", pattern=r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$", description="The job's id, a ULID in upper case."),
]

VcPath = Annotated[
    str, Path(alias="vc", pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$", description="The virtual cluster's name.")
]

LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "The `id` of the last event that was read, to go on after it.",
    "schema": {"type": "string", "pattern": "^[0-9]{1,19}$"},
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key with the same body answers with the same jobs for 24 h; with another body 409.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 240},
}
_LONGEST = 19


def last_event_id(request: Request) -> int | None:
    """Where a stream goes on. Raises Invalid."""
    value = request.headers.get("last-event-id")
    if value is None or value == "":
        return None
    if not (value.isascii() and value.isdigit() and len(value) <= _LONGEST):
        message = "must be the id of an event of this stream"
        raise Invalid(f"Last-Event-ID: {message}.", (FieldError(field="Last-Event-ID", message=message),))
    return int(value)
