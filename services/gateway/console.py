"""Consoles: the last lines from the logs service, new ones from the stream, whole outputs from the executor."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from math import inf

import structlog

from services.gateway.channels import Arrival
from services.gateway.chunks import Chunks, FarBehind
from services.gateway.domain.console import News, Seen
from services.gateway.domain.pending import MOST_CHARS
from services.gateway.pacing import paced
from services.gateway.resources.jobs import LogTail
from services.gateway.sse import ServerEvent
from services.gateway.tails import Page, Tail, Tails
from services.gateway.yard import SCHEDULED, Yard
from shared.bus.bus import Bus
from shared.bus.follow import StreamReplaced
from shared.contracts.commands.logs import READ_LOG, LogPiece, ReadLog
from shared.contracts.errors import NotFound, Unavailable
from shared.contracts.job import Allocation

log = structlog.get_logger()

END = ServerEvent(b"{}", "end")


class Console:
    """Reads consoles. Whether the caller may is decided before."""

    def __init__(self, bus: Bus, yard: Yard, timeout_s: float) -> None:
        self._bus = bus
        self._chunks = Chunks(bus, timeout_s)
        self._tails = Tails(bus, timeout_s)
        self._yard = yard
        self._timeout_s = timeout_s

    async def tail(self, job_id: str, count: int, rank: int | None = None) -> Tail:
        """The last `count` lines, of one rank or of all, oldest first, in pages."""
        return await self._tails.begun(job_id, count, rank=rank)

    async def follow(
        self, job_id: str, count: int, after: int | None, at_a_pace: bool = False, rank: int | None = None
    ) -> AsyncGenerator[ServerEvent, None]:
        """The last lines and then each new one, until the job is over; or what came after position `after`. Of one rank
        or of all.

        `at_a_pace`: for somebody who looks at it (`pacing.py`), who may be spared lines that are old already: after a
        long absence it begins with the last lines again.
        """
        async with self._chunks.changes(job_id) as changed:
            while True:
                seen = Seen()
                position = after
                if position is not None:
                    with suppress(Unavailable):  # then a change tells
                        seen.stands(await self._tails.unfinished(job_id, rank))
                        yield _unfinished(seen, position)
                else:
                    most_chars = MOST_CHARS if at_a_pace else inf
                    async with aclosing(self._tails.pages(job_id, count, most_chars, rank)) as pages:
                        async for page in pages:
                            position = page.position
                            if event := _event_of(page, seen):
                                yield event
                    del page, event  # a stream lasts for hours, and what was sent must not be kept as long
                    assert position is not None, "a tail's last page says where it ends"
                arrivals = (self._chunks.shared if at_a_pace else self._chunks.apart)(job_id, position, changed)
                news = _news(arrivals, seen, rank)
                try:
                    async with aclosing(paced(news) if at_a_pace else _each(news)) as events:
                        async for event in events:
                            yield event
                    if seen.unfinished:
                        seen.stands(())
                        yield _unfinished(seen, None)
                    yield END
                    return
                except (StreamReplaced, FarBehind):
                    log.info("console_followed_anew", job_id=job_id)
                    after = None

    async def download(self, job_id: str, attempt: int, rank: int | None) -> AsyncGenerator[bytes, None]:
        """An attempt's whole output: of one rank, or of all, one after the other under a heading if there are several.

        Raises NotFound, with the first piece, when its node does not have it any more.
        """
        allocation = await self._allocation_of(job_id, attempt)
        executor, ranks = allocation.answerer, sorted(share.rank for share in allocation.shares)
        if rank is None and len(ranks) > 1:
            pieces = self._all_ranks(executor, job_id, attempt, ranks)
        else:
            pieces = self._one_rank(executor, job_id, attempt, rank or 0)
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece.encode()

    async def _all_ranks(
        self, executor: str, job_id: str, attempt: int, ranks: Sequence[int]
    ) -> AsyncGenerator[str, None]:
        """Without those of which nothing is kept, as of one that wrote nothing, unless that is so of all."""
        missing = 0
        for rank in ranks:
            heading = f"==> rank {rank} <==\n"
            try:
                async for piece in self._one_rank(executor, job_id, attempt, rank):
                    yield heading + piece
                    heading = ""
            except NotFound:
                missing += 1
                if not heading or missing == len(ranks):
                    raise

    async def _one_rank(self, executor: str, job_id: str, attempt: int, rank: int) -> AsyncGenerator[str, None]:
        piece = LogPiece(text="", next_offset=0, end=False)
        while not piece.end:
            ask = ReadLog(job_id=job_id, attempt=attempt, rank=rank, offset=piece.next_offset)
            piece = await self._bus.ask(READ_LOG.at(executor), ask, self._timeout_s)
            yield piece.text

    async def _allocation_of(self, job_id: str, attempt: int) -> Allocation:
        """Where this attempt ran, as the job's history says."""
        for event in await self._yard.history(job_id):
            state = event.data["job"]["state"] if event.type == SCHEDULED else {}
            if state.get("attempt") == attempt and state.get("allocation"):
                return Allocation.model_validate(state["allocation"], strict=False)
        if attempt == 0:
            raise NotFound(f"Job {job_id} has not run yet, so there is no output. Try again once it runs.")
        raise NotFound(f"Job {job_id} has no attempt {attempt} that ran. The first one is 1.")


def _event_of(page: Page, seen: Seen) -> ServerEvent | None:
    """Only the last page has an id: a reader who lost the connection before it starts again from the tail."""
    for line in page.lines:
        seen.note(line)
    seen.stands(page.unfinished or ())
    if not page.lines and not page.gaps and not page.unfinished:
        return None
    tail = LogTail.model_construct(lines=page.lines, gaps=page.gaps, unfinished=page.unfinished)
    return ServerEvent(tail.model_dump_json().encode(), "lines", page.position)


def _unfinished(seen: Seen, position: int | None) -> ServerEvent:
    """What stands in lines that have not ended, and nothing else."""
    tail = LogTail(lines=(), gaps=(), unfinished=tuple(seen.unfinished))
    return ServerEvent(tail.model_dump_json().encode(), "lines", position)


async def _each(news: AsyncGenerator[tuple[News, int], None]) -> AsyncGenerator[ServerEvent, None]:
    """Every line. As with a tail, only the last piece of a chunk has an id."""
    async with aclosing(news):
        async for one, position in news:
            for number, piece in enumerate(one.pieces(), start=1):
                yield ServerEvent(piece, "lines", position if number == one.count else None)


async def _news(
    arrivals: AsyncGenerator[Arrival, None], seen: Seen, rank: int | None
) -> AsyncGenerator[tuple[News, int], None]:
    """What the reader has not seen of each chunk of this rank, or of all, and its position."""
    async with aclosing(arrivals):
        async for arrived in arrivals:
            if arrived.chunk is not None and rank in (None, arrived.chunk.rank):
                yield seen.add(arrived.chunk), arrived.position
