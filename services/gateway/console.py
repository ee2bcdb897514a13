"""Consoles: the last lines from the logs service, new ones from the stream, whole outputs from the executor."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

import structlog
from nats.aio.msg import Msg
from nats.js.errors import NotFoundError

from services.gateway.domain.console import News, Seen
from services.gateway.follow import followed
from services.gateway.pacing import paced
from services.gateway.resources import LogTail
from services.gateway.sse import ServerEvent
from services.gateway.yard import SCHEDULED, Yard
from shared.bus.bus import Bus
from shared.bus.codec import Undecodable, log_chunk
from shared.bus.follow import StreamReplaced
from shared.contracts import subjects
from shared.contracts.commands.jobs import GET, GetJob
from shared.contracts.commands.logs import READ_LOG, TAIL_LOG, LogPage, LogPiece, ReadLog, TailLog
from shared.contracts.errors import NotFound
from shared.contracts.job import TERMINAL
from shared.contracts.logs import LogGap, LogLine

log = structlog.get_logger()

RECHECK_S = 5.0
"""How often to ask whether a job is over, if no event says so."""

CHUNKS = 1
"""Under way to one reader at one time: there may be hundreds of readers, and a chunk may take 256 KiB."""

CHUNKS_PACED = 8
"""The same for a reader at whose pace nothing waits."""

END = ServerEvent(b"{}", "end")


@dataclass(frozen=True)
class Tail:
    """The last lines, in pieces that came in one message each, oldest first, complete up to `position`."""

    pieces: tuple[LogTail, ...]
    position: int

    @property
    def lines(self) -> tuple[LogLine, ...]:
        return tuple(line for piece in self.pieces for line in piece.lines)

    @property
    def gaps(self) -> tuple[LogGap, ...]:
        return tuple(gap for piece in self.pieces for gap in piece.gaps)


class Console:
    """Reads consoles. Whether the caller may is decided before."""

    def __init__(self, bus: Bus, yard: Yard, timeout_s: float) -> None:
        self._bus = bus
        self._yard = yard
        self._timeout_s = timeout_s

    async def tail(self, job_id: str, count: int) -> Tail:
        """The last `count` lines. The logs service answers as many as fit in a message, so this asks on."""
        page = await self._page(job_id, count, None)
        position = page.position
        pieces = [_piece(page)]
        missing = count - len(pieces[0].lines)
        while page.more and missing > 0 and pieces[0].lines:
            page = await self._page(job_id, missing, pieces[0].lines[0].seq)
            pieces.insert(0, _piece(page))
            missing -= len(pieces[0].lines)
        return Tail(tuple(pieces), position)

    async def follow(
        self, job_id: str, count: int, after: int | None, at_a_pace: bool = False
    ) -> AsyncGenerator[ServerEvent, None]:
        """The last lines and then each new one, until the job is over; or what came after position `after`.

        `at_a_pace`: for somebody who looks at it (`pacing.py`), who may be spared lines that are old already.
        """
        async with self._changes(job_id) as changed:
            while True:
                seen = Seen()
                position = after
                if position is None:
                    tail = await self.tail(job_id, count)
                    position = tail.position
                    for event in _events_of(tail, seen):
                        yield event
                news = self._live(job_id, position, seen, changed, CHUNKS_PACED if at_a_pace else CHUNKS)
                try:
                    async with aclosing(paced(news) if at_a_pace else _each(news)) as events:
                        async for event in events:
                            yield event
                    yield END
                    return
                except StreamReplaced:
                    log.info("console_followed_anew", job_id=job_id)
                    after = None

    async def download(self, job_id: str, attempt: int) -> AsyncGenerator[bytes, None]:
        """An attempt's whole output. Raises NotFound, with the first piece, when its node does not have it any more."""
        command = READ_LOG.at(await self._node_of(job_id, attempt))
        piece = LogPiece(text="", next_offset=0, end=False)
        while not piece.end:
            ask = ReadLog(job_id=job_id, attempt=attempt, offset=piece.next_offset)
            piece = await self._bus.ask(command, ask, self._timeout_s)
            yield piece.text.encode()

    async def _live(
        self, job_id: str, position: int, seen: Seen, changed: asyncio.Event, chunks: int
    ) -> AsyncGenerator[tuple[News, int], None]:
        """What is new in each chunk, and its position. The job's last chunk is in the stream before its end is an
        event.
        """
        last = await self._last_chunk(job_id)
        if last is not None and position >= last:
            return
        async with followed(self._bus, subjects.LOGS, (subjects.log(job_id),), position + 1, chunks) as stream:
            while last is None or position < last:
                messages = await stream.next(changed, RECHECK_S)
                for message in messages:
                    position = message.metadata.sequence.stream
                    news = _news(message, position, seen)
                    if news is not None:
                        yield news, position
                if changed.is_set() or not messages:
                    changed.clear()
                    last = await self._last_chunk(job_id) if last is None else last

    async def _last_chunk(self, job_id: str) -> int | None:
        """The stream position of the job's last chunk (0: it has none) once it is over, else None."""
        job = await self._bus.ask(GET, GetJob(id=job_id), self._timeout_s)
        if job.status not in TERMINAL:
            return None
        try:
            message = await self._bus.js.get_last_msg(subjects.LOGS, subjects.log(job_id), direct=True)
        except NotFoundError:
            return 0
        return message.seq or 0

    @asynccontextmanager
    async def _changes(self, job_id: str) -> AsyncGenerator[asyncio.Event, None]:
        """Set when something happens to the job: a hint to look, which may be missed without harm."""
        changed = asyncio.Event()

        async def on_event(_: Msg) -> None:
            changed.set()

        subscription = await self._bus.nats.subscribe(subjects.job_event("*", "*", job_id), cb=on_event)
        try:
            yield changed
        finally:
            if not self._bus.nats.is_closed:
                await subscription.unsubscribe()

    async def _node_of(self, job_id: str, attempt: int) -> str:
        """The node that ran this attempt, as the job's history says."""
        for event in await self._yard.history(job_id):
            state = event.data["job"]["state"] if event.type == SCHEDULED else {}
            if state.get("attempt") == attempt and state.get("allocation"):
                return str(state["allocation"]["shares"][0]["node"])
        if attempt == 0:
            raise NotFound(f"Job {job_id} has not run yet, so there is no output. Try again once it runs.")
        raise NotFound(f"Job {job_id} has no attempt {attempt} that ran. The first one is 1.")

    async def _page(self, job_id: str, count: int, before_seq: int | None) -> LogPage:
        ask = TailLog(job_id=job_id, tail=count, before_seq=before_seq)
        return await self._bus.ask(TAIL_LOG, ask, self._timeout_s)


def _piece(page: LogPage) -> LogTail:
    return LogTail.model_construct(lines=page.lines, gaps=page.gaps)


def _events_of(tail: Tail, seen: Seen) -> list[ServerEvent]:
    """Only the last piece has an id: a reader who lost the connection before it starts again from the tail."""
    for line in tail.lines:
        seen.note(line)
    pieces = [piece for piece in tail.pieces if piece.lines or piece.gaps]
    last = len(pieces) - 1
    return [
        ServerEvent(piece.model_dump_json().encode(), "lines", tail.position if number == last else None)
        for number, piece in enumerate(pieces)
    ]


async def _each(news: AsyncGenerator[tuple[News, int], None]) -> AsyncGenerator[ServerEvent, None]:
    """Every line. As with a tail, only the last piece of a chunk has an id."""
    async with aclosing(news):
        async for one, position in news:
            for number, piece in enumerate(one.pieces(), start=1):
                yield ServerEvent(piece, "lines", position if number == one.count else None)


def _news(message: Msg, position: int, seen: Seen) -> News | None:
    """None for a chunk that cannot be read. It is passed over, as the logs service does: its lines show as a gap."""
    try:
        return seen.add(log_chunk(message.subject, message.data))
    except Undecodable as error:
        log.error("chunk_unreadable", sequence=position, error=str(error))
        return None
