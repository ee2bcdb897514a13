"""The last lines of a console, oldest first, a page at a time: they may take 32 MiB, and many may ask for them.

The logs service answers the newest lines that fit in a message, then those before. So this goes back once to learn
where pages begin, and reads them again in order: one page of a tail is held and the newest one, never all of it.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from math import inf

from shared.bus.bus import Bus
from shared.contracts.commands.logs import TAIL_LOG, LogPage, TailLog
from shared.contracts.logs import LogChunk, LogGap, LogLine


@dataclass(frozen=True)
class Page:
    """Lines that came in one message. `position`: where the tail is complete to, in the stream; None: more comes.

    `unfinished`: what stands in lines that have not ended; the last page tells.
    """

    lines: tuple[LogLine, ...]
    gaps: tuple[LogGap, ...]
    position: int | None
    unfinished: tuple[LogLine, ...] | None = None


@dataclass(frozen=True)
class _Place:
    """Lines `first` to `end` - 1."""

    first: int
    end: int
    count: int
    chars: int


class Tails:
    """Reads tails. Raises what the logs service refuses with, or Unavailable."""

    def __init__(self, bus: Bus, timeout_s: float) -> None:
        self._bus = bus
        self._timeout_s = timeout_s

    async def pages(self, job_id: str, count: int, most_chars: float = inf) -> AsyncGenerator[Page, None]:
        """The last `count` lines, or as many as have `most_chars` of text and a little more; one page at least. Lines
        that were there and were displaced by newer ones before they were read are a gap.
        """
        newest = await self._page(job_id, count, None)
        for place in reversed(await self._places(job_id, count, newest, most_chars)):
            yield await self._read(job_id, place)
        yield Page(newest.lines, newest.gaps, newest.position, newest.unfinished)

    async def unfinished(self, job_id: str) -> tuple[LogLine, ...]:
        """What stands in lines that have not ended."""
        return (await self._page(job_id, 1, None)).unfinished

    async def _places(self, job_id: str, count: int, page: LogPage, most_chars: float) -> list[_Place]:
        """Of the pages before the newest, going back."""
        places: list[_Place] = []
        place = _place_of(page, 0)
        while page.more and place is not None and place.count < count and place.chars < most_chars:
            count, most_chars = count - place.count, most_chars - place.chars
            end = place.first
            page = await self._page(job_id, count, end)
            place = _place_of(page, end)
            if place is not None:
                places.append(place)
        return places

    async def _read(self, job_id: str, place: _Place) -> Page:
        page = await self._page(job_id, place.count, place.end)
        lines = page.lines
        lost = place.count - len(lines)
        gaps = (LogGap(after_seq=place.first - 1, lost=lost), *page.gaps) if lost > 0 else page.gaps
        return Page(lines, gaps, None)

    async def _page(self, job_id: str, count: int, before_seq: int | None) -> LogPage:
        ask = TailLog(job_id=job_id, tail=count, before_seq=before_seq)
        return await self._bus.ask(TAIL_LOG, ask, self._timeout_s)


def _place_of(page: LogPage, end: int) -> _Place | None:
    """None for a page without lines."""
    if not page.chunks:
        return None
    count = chars = 0
    first = LogChunk.model_validate_json(page.chunks[0]).seq
    for payload in page.chunks:
        chunk = LogChunk.model_validate_json(payload)
        count, chars = count + chunk.count, chars + len(chunk.text)
    return _Place(first, end, count, chars)
