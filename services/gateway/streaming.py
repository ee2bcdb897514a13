"""Answers that take long, on their way to one reader, who may be slow, gone, or signed out.

Memory stays bounded: the next piece is asked for when the one before has left. A reader who takes nothing is cut off,
and so is one in the midst of a piece who loses the right to it: whether the reader reads does not decide how long an
answer lasts. It ends with the token and with the process, too.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import ClassVar

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.gateway.watch import Cut, Watch
from shared.contracts.errors import Refusal, TooMany, Unavailable

log = structlog.get_logger()

CHANGED = "What you may see has changed, or cannot be known right now. Try again in a moment."


class Streams:
    """The streams of this process: how many there may be, how patient they are, and their common end."""

    def __init__(self, limit: int, limit_per_user: int, keepalive_s: float, stalled_s: float) -> None:
        self._limit = limit
        self._limit_per_user = limit_per_user
        self.keepalive_s = keepalive_s
        self.stalled_s = stalled_s
        self.closing = asyncio.Event()
        self._of: Counter[str] = Counter()

    @property
    def running(self) -> int:
        """How many there are."""
        return self._of.total()

    @contextmanager
    def admitted(self, user: str) -> Iterator[None]:
        """One stream of this user. Raises Unavailable when there are too many, TooMany when the user has too many."""
        if self.closing.is_set() or self.running >= self._limit:
            raise Unavailable("Too many streams are open right now. Try again in a moment.")
        if self._of[user] >= self._limit_per_user:
            raise TooMany(f"You have {self._limit_per_user} streams open, which is the most. Close one of them first.")
        self._of[user] += 1
        try:
            yield
        finally:
            self._of[user] -= 1
            if not self._of[user]:
                del self._of[user]


class ByteStream(Response):
    """Sends the pieces of a generator until it ends, the reader has gone or lost a right, or `lasts_s` are over.

    One that is not sent to its end is left unfinished, so that the reader notices. Admission is refused when it is
    sent, not when it is made: what is made may never be sent.
    """

    opening: bytes = b""
    idle: bytes = b""
    """What a silent stream sends now and then."""
    resumable: ClassVar[bool] = False
    """Whether the reader comes back for the rest: then it ends properly, whatever ends it, while the reader reads."""

    def __init__(
        self,
        pieces: AsyncGenerator[bytes, None],
        streams: Streams,
        lasts_s: float,
        watch: Watch,
        user: str,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
    ) -> None:
        super().__init__(headers=headers, media_type=media_type)
        del self.headers["content-length"]
        self._pieces = pieces
        self._streams = streams
        self._lasts_s = lasts_s
        self._watch = watch
        self._user = user

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        outlet = _Outlet(send, self._streams.stalled_s)
        try:
            with self._streams.admitted(self._user):
                if not await self._watch.lasts():  # opening it took long
                    raise Unavailable(CHANGED)
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                end = await self._sent(scope, receive, outlet)
        finally:
            await self._pieces.aclose()
        if end == _GONE:
            return
        if end == _COMPLETE or (self.resumable and not outlet.blocked):
            await send({"type": "http.response.body"})
            return
        log.info("stream_cut_off", path=scope["path"], reason=end)
        raise Cut

    async def _sent(self, scope: Scope, receive: Receive, outlet: "_Outlet") -> str:
        """Why it is over."""
        sending = asyncio.create_task(self._send_all(outlet))
        endings = {
            asyncio.create_task(_gone(receive)): _GONE,
            asyncio.create_task(self._streams.closing.wait()): "closing",
            asyncio.create_task(self._watch.lost()): "right_lost",
        }
        tasks = {sending, *endings}
        try:
            done, _ = await asyncio.wait(tasks, timeout=self._lasts_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if sending not in done:
            return next((endings[task] for task in endings if task in done), "token_ended")
        try:
            sending.result()
        except _Stalled:
            return "stalled"
        except Refusal as refusal:
            log.info("stream_interrupted", path=scope["path"], problem=refusal.code)
            return "interrupted"
        return _COMPLETE

    async def _send_all(self, outlet: "_Outlet") -> None:
        if self.opening:
            await outlet.send(self.opening)
        patience_s = self._streams.keepalive_s if self.idle else None
        upcoming: asyncio.Task[bytes] | None = None
        try:
            while True:
                upcoming = upcoming or asyncio.ensure_future(anext(self._pieces))
                done, _ = await asyncio.wait({upcoming}, timeout=patience_s)
                if not done:
                    await outlet.send(self.idle)
                    continue
                piece, upcoming = upcoming.result(), None
                await outlet.send(piece)
        except StopAsyncIteration:
            return
        finally:
            if upcoming is not None:
                upcoming.cancel()
                with suppress(asyncio.CancelledError, StopAsyncIteration):
                    await upcoming


_COMPLETE = "complete"
_GONE = "gone"


class _Outlet:
    """Where the pieces go; a reader who takes nothing blocks it."""

    def __init__(self, send: Send, stalled_s: float) -> None:
        self._send = send
        self._stalled_s = stalled_s
        self.blocked = False

    async def send(self, body: bytes) -> None:
        """Raises _Stalled."""
        self.blocked = True
        try:
            async with asyncio.timeout(self._stalled_s):
                await self._send({"type": "http.response.body", "body": body, "more_body": True})
        except TimeoutError:
            raise _Stalled from None
        self.blocked = False


class _Stalled(Exception):
    """The reader takes nothing any more."""


async def _gone(receive: Receive) -> bool:
    while (await receive())["type"] != "http.disconnect":
        pass
    return True
