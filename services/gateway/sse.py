"""Server-sent events: how they are written, and the stream of them.

A stream begins with `alive`, and is never silent for longer than that says, so that a page can tell a quiet platform
from a dead connection: a comment would be hidden from it by the browser. Whatever ends a stream, the reader comes back
with `Last-Event-ID`.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from functools import cached_property

from services.gateway.streaming import ByteStream, Streams
from services.gateway.watch import Watch

RECONNECT = b"retry: 1000\n\n"


@dataclass(frozen=True)
class ServerEvent:
    """One event. `id` is what the reader sends to go on after it; without a name it is a `message`."""

    data: bytes
    name: str | None = None
    id: int | None = None

    @cached_property
    def encoded(self) -> bytes:
        """As it travels; worked out once, however many readers it has."""
        head = b"" if self.id is None else b"id: %d\n" % self.id
        if self.name:
            head += b"event: %s\n" % self.name.encode()
        return head + b"data: " + self.data.replace(b"\n", b"\ndata: ") + b"\n\n"


def alive(every_s: float) -> bytes:
    """That the stream lives, and within how many seconds something will come again."""
    return ServerEvent(b'{"within_s":%g}' % every_s, "alive").encoded


class EventStream(ByteStream):
    """Sends the events of a generator."""

    media_type = "text/event-stream"
    resumable = True

    def __init__(
        self, events: AsyncGenerator[ServerEvent, None], streams: Streams, lasts_s: float, watch: Watch, user: str
    ) -> None:
        super().__init__(_encoded(events), streams, lasts_s, watch, user, {"X-Accel-Buffering": "no"})
        self.idle = alive(streams.keepalive_s)
        self.opening = RECONNECT + self.idle


async def _encoded(events: AsyncGenerator[ServerEvent, None]) -> AsyncGenerator[bytes, None]:
    try:
        async for event in events:
            yield event.encoded
    finally:
        await events.aclose()
