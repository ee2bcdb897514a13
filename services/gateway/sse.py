"""Server-sent events on their way to one reader, who may be slow, gone, or signed out.

Memory stays bounded: the next event is asked for when the one before has left. A silent stream gets a comment every
now and then; a reader who takes nothing is cut off; at the end of the token or of the process the stream ends, and
the reader comes back with `Last-Event-ID`.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.gateway.watch import Watch
from shared.contracts.errors import Refusal, Unavailable

log = structlog.get_logger()

KEEPALIVE = b": keepalive\n\n"
RECONNECT = b"retry: 1000\n\n"


@dataclass(frozen=True)
class ServerEvent:
    """One event. `id` is what the reader sends to go on after it; without a name it is a `message`."""

    data: bytes
    name: str | None = None
    id: int | None = None

    def encoded(self) -> bytes:
        """As it travels."""
        head = b"" if self.id is None else b"id: %d\n" % self.id
        if self.name:
            head += b"event: %s\n" % self.name.encode()
        return head + b"data: " + self.data.replace(b"\n", b"\ndata: ") + b"\n\n"


class Streams:
    """The streams of this process: how many there may be, how patient they are, and their common end."""

    def __init__(self, limit: int, keepalive_s: float, stalled_s: float) -> None:
        self._limit = limit
        self.keepalive_s = keepalive_s
        self.stalled_s = stalled_s
        self.closing = asyncio.Event()
        self.running = 0

    def admit(self) -> None:
        """Raises Unavailable when there are too many already."""
        if self.closing.is_set() or self.running >= self._limit:
            raise Unavailable("Too many streams are open right now. Try again in a moment.")


class EventStream(Response):
    """Sends the events of a generator until it ends, the reader has gone or lost a right, or `lasts_s` are over."""

    media_type = "text/event-stream"

    def __init__(
        self, events: AsyncGenerator[ServerEvent, None], streams: Streams, lasts_s: float, watch: Watch
    ) -> None:
        super().__init__(headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._events = events
        self._streams = streams
        self._lasts_s = lasts_s
        self._watch = watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._streams.running += 1
        gone = asyncio.create_task(_gone(receive))
        closing = asyncio.create_task(self._streams.closing.wait())
        lost = asyncio.create_task(self._watch.lost())
        began = False
        try:
            if not await self._watch.lasts():  # opening it took long
                raise Unavailable("What you may see has changed, or cannot be known right now. Try again in a moment.")
            async with asyncio.timeout(self._lasts_s):
                began = True
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                await self._send(send, RECONNECT)
                await self._run(send, {gone, closing, lost})
        except _Stalled:
            log.info("stream_cut_off", path=scope["path"])
            return
        except TimeoutError:
            log.debug("stream_outlived_its_token", path=scope["path"])
        except Refusal as refusal:  # the reader comes back by itself
            if not began:
                raise
            log.info("stream_interrupted", path=scope["path"], problem=refusal.code)
        finally:
            gone.cancel()
            closing.cancel()
            lost.cancel()
            self._streams.running -= 1
            await self._events.aclose()
        if not gone.done() or gone.cancelled():
            await send({"type": "http.response.body"})

    async def _run(self, send: Send, endings: set[asyncio.Task[bool]]) -> None:
        upcoming: asyncio.Task[ServerEvent] | None = None
        try:
            while True:
                upcoming = upcoming or asyncio.ensure_future(anext(self._events))
                done, _ = await asyncio.wait(
                    {upcoming, *endings}, timeout=self._streams.keepalive_s, return_when=asyncio.FIRST_COMPLETED
                )
                if done & endings:
                    return
                if not done:
                    await self._send(send, KEEPALIVE)
                    continue
                event, upcoming = upcoming.result(), None
                await self._send(send, event.encoded())
        except StopAsyncIteration:
            return
        finally:
            if upcoming is not None:
                upcoming.cancel()
                with suppress(asyncio.CancelledError, StopAsyncIteration):
                    await upcoming

    async def _send(self, send: Send, body: bytes) -> None:
        try:
            async with asyncio.timeout(self._streams.stalled_s):
                await send({"type": "http.response.body", "body": body, "more_body": True})
        except TimeoutError:
            raise _Stalled from None


class _Stalled(Exception):
    """The reader takes nothing any more."""


async def _gone(receive: Receive) -> bool:
    while (await receive())["type"] != "http.disconnect":
        pass
    return True
