"""How a generator becomes an answer that takes long: admitted, and ended with the caller's token or rights."""

from collections.abc import AsyncGenerator, Mapping

from starlette.requests import Request

from services.gateway.door import signed_in
from services.gateway.parts import parts_of
from services.gateway.sse import EventStream, ServerEvent
from services.gateway.streaming import ByteStream
from services.gateway.watch import Watch


def event_stream(request: Request, events: AsyncGenerator[ServerEvent, None]) -> EventStream:
    """Server-sent events; too many streams are refused when it is sent."""
    parts, who = parts_of(request), signed_in(request)
    return EventStream(events, parts.streams, parts.tokens.left_s(who.until), Watch(who, parts.clock), who.caller.name)


def byte_stream(
    request: Request, pieces: AsyncGenerator[bytes, None], media_type: str, headers: Mapping[str, str] | None = None
) -> ByteStream:
    """A download; one that ends before its time stays unfinished."""
    parts, who = parts_of(request), signed_in(request)
    lasts_s = parts.tokens.left_s(who.until)
    return ByteStream(pieces, parts.streams, lasts_s, Watch(who, parts.clock), who.caller.name, headers, media_type)
