"""An endpoint's facts as the events that they are: what the outbox publishes, the same bytes for the same entry."""

from typing import Any

from services.endpoints.domain.document import EndpointDocument, Entry
from shared.contracts import subjects
from shared.contracts.events import ENDPOINT_EVENTS, AnyCloudEvent


def events_after(endpoint: EndpointDocument, version: int) -> list[tuple[str, AnyCloudEvent]]:
    """The events of later versions with their subjects, in order."""
    return [_event(endpoint, entry) for entry in endpoint.history if entry.version > version]


def _event(endpoint: EndpointDocument, entry: Entry) -> tuple[str, AnyCloudEvent]:
    about: dict[str, Any] = {"attempt": entry.attempt} if entry.attempt is not None else {}
    about |= {"key": entry.key} if entry.key is not None else {}
    data = ENDPOINT_EVENTS[entry.fact](
        job_id=endpoint.job_id,
        vc=endpoint.vc,
        owner=endpoint.owner,
        name=endpoint.name,
        kind=endpoint.kind,
        port=endpoint.port,
        rank=endpoint.rank,
        actor=entry.actor,
        reason=entry.reason,
        **about,
    )
    envelope = AnyCloudEvent(
        id=f"{endpoint.id}:{entry.version}",
        type=f"io.jobyard.endpoint.{entry.fact}.v1",
        source="/endpoints",
        subject=endpoint.job_id,
        time=entry.time,
        correlationid=endpoint.correlation_id,
        causationid=entry.cause,
        data=data,
    )
    return subjects.endpoint_event(data), envelope
