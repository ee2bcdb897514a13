"""Endpoint documents for tests."""

from datetime import UTC, datetime
from typing import Any

from services.endpoints.domain.document import EndpointDocument
from shared.contracts.endpoints import EndpointKind, EndpointStatus

JOB = "01JD8F2M5V7Q0R3S6T9W2X4Y8Z"


def endpoint(**changes: Any) -> EndpointDocument:
    """One that somebody asked for, or what `changes` say."""
    fields: dict[str, Any] = {
        "id": f"{JOB}.ssh",
        "version": 5,
        "job_id": JOB,
        "vc": "default",
        "owner": "ada",
        "name": "ssh",
        "kind": EndpointKind.SSH,
        "status": EndpointStatus.REQUESTED,
        "requested_by": "ada",
        "requested_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return EndpointDocument(**(fields | changes))
