"""The last lines of a console, oldest first, a page at a time: they may take 32 MiB, and many may ask for them.

The logs service answers the newest lines that fit in a message, then those before. So this goes back once to learn
where pages begin, and reads them again in order: one page of a tail is held and the newest one, never all of it.
"""

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
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
class Tail:
    """A tail whose newest page is there. `more`: others come before it, and each takes asking."""

    more: bool
    pages: AsyncGenerator[Page, None]


@dataclass(frozen=True)
class _Place:
    """So many lines of a job from `first` on, and what they stand before; each is a rank and its line's number."""

    first: tuple[int, int]
    end: tuple[int, int] | None
    counts: Counter[int]
    """Of each rank."""
    oldest: dict[int, int]
    """The number of each rank's first."""
    chars: int

    @property
    def count(self) -> int:
        return self.counts.total()


class Tails:
    """Reads tails. Raises what the logs service refuses with, or Unavailable."""

    def __init__(self, bus: Bus, timeout_s: float) -> None:
        self._bus = bus
        self._timeout_s = timeout_s

    async def pages(
        self, job_id: str, count: int, most_chars: float = inf, rank: int | None = None
    ) -> AsyncGenerator[Page, None]:
        """The last `count` lines, of one rank or of all, or as many as have `most_chars` of text and a little more; one
        page at least. Lines that were there and were displaced by newer ones before they were read are a gap.
        """
        async with aclosing((await self.begun(job_id, count, most_chars, rank)).pages) as pages:
            async for page in pages:
                yield page

    async def begun(self, job_id: str, count: int, most_chars: float = inf, rank: int | None = None) -> Tail:
        """The same, of which only the newest page has been asked for."""
        ask = TailLog(job_id=job_id, tail=count, rank=rank)
        newest = await self._page(ask)
        return Tail(newest.more, self._pages(ask, newest, most_chars))

    async def unfinished(self, job_id: str, rank: int | None = None) -> tuple[LogLine, ...]:
        """What stands in lines that have not ended."""
        return _of(rank, (await self._page(TailLog(job_id=job_id, tail=1, rank=rank))).unfinished)

    async def _pages(self, ask: TailLog, newest: LogPage, most_chars: float) -> AsyncGenerator[Page, None]:
        for place in reversed(await self._places(ask, newest, most_chars)):
            yield await self._read(ask, place)
        yield Page(newest.lines, newest.gaps, newest.position, _of(ask.rank, newest.unfinished))

    async def _places(self, ask: TailLog, page: LogPage, most_chars: float) -> list[_Place]:
        """Of the pages before the newest, going back."""
        places: list[_Place] = []
        place, count = _place_of(page, None), ask.tail
        while page.more and place is not None and place.count < count and place.chars < most_chars:
            count, most_chars = count - place.count, most_chars - place.chars
            end = place.first
            page = await self._page(_before(ask, end, count))
            place = _place_of(page, end)
            if place is not None:
                places.append(place)
        return places

    async def _read(self, ask: TailLog, place: _Place) -> Page:
        page = await self._page(_before(ask, place.end, place.count))
        lines = page.lines
        displaced = place.counts - Counter(line.rank for line in lines)
        lost = [LogGap(after_seq=place.oldest[rank] - 1, lost=displaced[rank], rank=rank) for rank in sorted(displaced)]
        return Page(lines, (*lost, *page.gaps), None)

    async def _page(self, ask: TailLog) -> LogPage:
        return await self._bus.ask(TAIL_LOG, ask, self._timeout_s)


def _before(ask: TailLog, end: tuple[int, int] | None, count: int) -> TailLog:
    """The same, of `count` lines before that one."""
    rank, seq = (0, None) if end is None else end
    return TailLog(job_id=ask.job_id, tail=count, rank=ask.rank, before_seq=seq, before_rank=rank)


def _of(rank: int | None, lines: tuple[LogLine, ...]) -> tuple[LogLine, ...]:
    return tuple(line for line in lines if rank is None or line.rank == rank)


def _place_of(page: LogPage, end: tuple[int, int] | None) -> _Place | None:
    """None for a page without lines."""
    if not page.chunks:
        return None
    chunks = [LogChunk.model_validate_json(payload) for payload in page.chunks]
    counts: Counter[int] = Counter()
    oldest: dict[int, int] = {}
    for chunk in chunks:
        counts[chunk.rank] += chunk.count
        oldest.setdefault(chunk.rank, chunk.seq)
    chars = sum(len(chunk.text) for chunk in chunks)
    return _Place((chunks[0].rank, chunks[0].seq), end, counts, oldest, chars)
