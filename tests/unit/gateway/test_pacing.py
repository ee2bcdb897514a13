"""When a reader of a console is told what: at once after a quiet time, then all that came meanwhile in one event."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from services.gateway.domain.console import News, Seen
from services.gateway.domain.pending import MOST_LINES
from services.gateway.pacing import paced
from services.gateway.resources.jobs import LogTail
from services.gateway.sse import ServerEvent
from shared.bus.follow import StreamReplaced
from tests.support.logs import chunk_of
from tests.support.waiting import until

NEVER_S = 3600.0


class Source:
    """Chunks of one line each, as they come."""

    def __init__(self) -> None:
        self.closed = False
        self.read = 0
        self._queue: asyncio.Queue[int | Exception | None] = asyncio.Queue()

    def come(self, *lines: int) -> None:
        for line in lines:
            self._queue.put_nowait(line)

    def end(self, error: Exception | None = None) -> None:
        self._queue.put_nowait(error)

    async def news(self) -> AsyncGenerator[tuple[News, int], None]:
        seen = Seen()
        try:
            while (line := await self._queue.get()) is not None:
                if isinstance(line, Exception):
                    raise line
                self.read += 1
                yield seen.add(chunk_of(line, 1)), 100 + line
        finally:
            self.closed = True


def told(event: ServerEvent) -> tuple[list[int], int, int | None]:
    """The lines of an event, how many it leaves out, and its id."""
    tail = LogTail.model_validate_json(event.data)
    return [line.seq for line in tail.lines], tail.skipped, event.id


async def test_the_first_line_after_a_quiet_time_is_told_at_once_and_the_next_ones_wait() -> None:
    source = Source()
    async with aclosing(paced(source.news(), NEVER_S)) as events:
        source.come(1)
        assert told(await anext(events)) == ([1], 0, 101)
        upcoming = asyncio.ensure_future(anext(events))
        source.come(2, 3)
        await until(lambda: source.read == 3, "they have come")
        assert not upcoming.done()
        upcoming.cancel()
        await asyncio.gather(upcoming, return_exceptions=True)
    assert source.closed


async def test_what_comes_while_a_reader_takes_its_time_is_one_event() -> None:
    source = Source()
    async with aclosing(paced(source.news(), 0)) as events:
        source.come(1)
        assert told(await anext(events)) == ([1], 0, 101)
        source.come(2, 3, 4)
        await until(lambda: source.read == 4, "they have come")
        assert told(await anext(events)) == ([2, 3, 4], 0, 104)


async def test_a_slow_reader_gets_the_newest_lines_and_how_many_are_left_out() -> None:
    source = Source()
    async with aclosing(paced(source.news(), 0)) as events:
        source.come(1)
        await anext(events)
        source.come(*range(2, MOST_LINES + 12))
        await until(lambda: source.read == MOST_LINES + 11, "they have come")
        assert told(await anext(events)) == (list(range(12, MOST_LINES + 12)), 10, 100 + MOST_LINES + 11)


async def test_everything_is_told_before_the_end() -> None:
    source = Source()
    source.come(1, 2)
    source.end()
    lines = [line for event in [told(event) async for event in paced(source.news(), 0)] for line in event[0]]
    assert lines == [1, 2]
    assert source.closed


async def test_a_quiet_console_ends_without_an_event() -> None:
    source = Source()
    source.end()
    assert [event async for event in paced(source.news(), 0)] == []


async def test_what_goes_wrong_while_reading_is_said_after_what_had_come() -> None:
    source = Source()
    source.come(1)
    source.end(StreamReplaced("made anew"))
    events = paced(source.news(), 0)
    assert told(await anext(events)) == ([1], 0, 101)
    with pytest.raises(StreamReplaced):
        await anext(events)
