"""A stream of events says that it lives, so that a page can tell a quiet platform from a dead connection."""

import asyncio
from collections.abc import AsyncGenerator

from starlette.types import Message

from services.gateway.credentials import SignedIn
from services.gateway.domain.access import Caller
from services.gateway.sse import EventStream, ServerEvent, alive
from services.gateway.streaming import Streams
from services.gateway.watch import Watch
from tests.support.clock import ManualClock
from tests.support.gateway import caller

ADA = caller("ada")


async def test_a_stream_begins_with_a_sign_of_life_and_gives_one_whenever_it_is_silent() -> None:
    clock, heard = ManualClock(), list[bytes]()
    told = asyncio.Event()

    async def events() -> AsyncGenerator[ServerEvent, None]:
        await told.wait()
        yield ServerEvent(b"{}", "news")

    async def receive() -> Message:
        await asyncio.Event().wait()
        return {}

    async def send(message: Message) -> None:
        heard.append(message.get("body", b""))
        if len(heard) == 4:
            told.set()

    async def again() -> Caller:
        return ADA

    watch = Watch(SignedIn(ADA, 0.0, clock.monotonic(), again, "session:0:0::ada"), clock)
    await EventStream(events(), Streams(1, 1, 0.01, 60), 60, watch, "ada")({"type": "http", "path": "/"}, receive, send)
    head, opening, *rest, news, end = heard
    assert (head, opening, news, end) == (b"", b"retry: 1000\n\n" + alive(0.01), b"event: news\ndata: {}\n\n", b"")
    assert len(rest) >= 2
    assert set(rest) == {b'event: alive\ndata: {"within_s":0.01}\n\n'}
