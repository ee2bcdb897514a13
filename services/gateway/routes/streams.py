"""How a generator of events becomes an answer: admitted, and ended with the caller's token or rights."""

from collections.abc import AsyncGenerator

from starlette.requests import Request

from services.gateway.door import signed_in
from services.gateway.parts import parts_of
from services.gateway.sse import EventStream, ServerEvent
from services.gateway.watch import Watch


def event_stream(request: Request, events: AsyncGenerator[ServerEvent, None]) -> EventStream:
    """Raises Unavailable when too many streams are open."""
    parts = parts_of(request)
    parts.streams.admit()
    who = signed_in(request)
    return EventStream(events, parts.streams, parts.tokens.left_s(who.until), Watch(who, parts.clock))
