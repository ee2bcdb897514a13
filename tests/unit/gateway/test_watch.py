"""A stream goes on while its caller is certainly what it was, and not much longer than that is certain."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest
from starlette.types import Message

from services.gateway.credentials import SignedIn
from services.gateway.domain.access import Caller
from services.gateway.sse import EventStream, ServerEvent
from services.gateway.streaming import Streams
from services.gateway.watch import LOOK_S, UNKNOWN_S, Watch
from shared.contracts.errors import TemporaryError, Unauthorized, Unavailable
from tests.support.clock import ManualClock
from tests.support.gateway import caller

ADA = caller("ada")


def watch(clock: ManualClock, again: Callable[[], Awaitable[Caller]]) -> Watch:
    """Over a caller that was known at the beginning of the clock's time."""
    return Watch(SignedIn(ADA, 0.0, clock.monotonic(), again, "session:0:0:ada"), clock)


async def same() -> Caller:
    return ADA


async def test_a_stream_lasts_while_its_caller_is_what_it_was_and_no_longer() -> None:
    async def other() -> Caller:
        return caller("ada", vcs=())

    async def revoked() -> Caller:
        raise Unauthorized("no")

    for again, lasts in ((same, True), (other, False), (revoked, False)):
        clock = ManualClock()
        watched = watch(clock, again)
        clock.advance(LOOK_S)
        assert await watched.lasts() is lasts


async def test_what_has_no_answer_counts_from_the_last_certain_moment_and_not_from_the_question() -> None:
    clock = ManualClock()

    async def away_after_a_while() -> Caller:
        clock.advance(UNKNOWN_S - LOOK_S)
        raise TemporaryError("away")

    watched = watch(clock, away_after_a_while)
    clock.advance(LOOK_S)
    assert not await watched.lasts()


async def test_a_stream_that_runs_waits_for_an_answer_only_as_long_as_it_may_go_on() -> None:
    clock, answered = ManualClock(), False

    async def slow() -> Caller:
        nonlocal answered
        if answered:
            raise Unauthorized("the second question")
        await asyncio.sleep(0.01)
        answered = True
        clock.advance(LOOK_S)
        return ADA

    watched = watch(clock, slow)
    clock.advance(UNKNOWN_S)
    assert await watched.lost()
    assert not answered


async def test_a_reader_who_was_slow_is_not_cut_off_while_the_accounts_answer() -> None:
    clock = ManualClock()

    async def slow() -> Caller:
        await asyncio.sleep(0)
        return ADA

    watched = watch(clock, slow)
    for _ in range(2):
        clock.advance(10 * UNKNOWN_S)
        assert await watched.lasts()


async def test_a_stream_whose_caller_has_changed_while_it_was_opened_is_refused() -> None:
    clock = ManualClock()
    sent: list[Message] = []

    async def events() -> AsyncGenerator[ServerEvent, None]:
        yield ServerEvent(b"{}")

    async def other() -> Caller:
        return caller("ada", vcs=())

    async def receive() -> Message:
        await asyncio.Event().wait()
        return {}

    async def send(message: Message) -> None:
        sent.append(message)

    stream = EventStream(events(), Streams(1, 1, 15, 60), 60, watch(clock, other), "ada")
    clock.advance(UNKNOWN_S)
    with pytest.raises(Unavailable):
        await stream({"type": "http", "path": "/"}, receive, send)
    assert sent == []
