"""Two connections joined byte for byte: what one side sends the other gets, at the slower one's pace.

All splices of the process read through one buffer, so that an idle websocket costs no more than its two sockets. A
websocket with very many small frames takes turns with everything else (`_Turns`).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from services.endpoints.domain.websocket import FrameMeter

BUFFER_BYTES = 1 << 18
LINGER_S = 5.0
"""How long the rest may take to go out after the other side is gone."""
_BUFFER = bytearray(BUFFER_BYTES)
_VIEW = memoryview(_BUFFER)
"""What is read is passed on before the next read, so one is enough for all."""

Lost = Callable[[Exception | None], None]


@dataclass(frozen=True)
class Taken:
    """A connection on its way into a splice: what was read ahead of it, and whom to tell when it is gone."""

    transport: asyncio.Transport
    ahead: bytes
    lost: Lost


class _Turns:
    """Sides with many small frames to look at: one after the other, a bounded look between two rounds of the loop.

    However many there are, all else that the loop does waits for one look at a time.
    """

    def __init__(self) -> None:
        self._waiting: dict[_Side, None] = {}

    def wait(self, side: "_Side") -> None:
        """`side` goes on when it is its turn."""
        if side in self._waiting:
            return
        self._waiting[side] = None
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        side = next(iter(self._waiting))
        del self._waiting[side]
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._next)
        side.look()


_TURNS = _Turns()


class _Side(asyncio.BufferedProtocol):
    """One of the two connections; `other` is where its bytes go."""

    __slots__ = ("_ended", "_full", "_meter", "_rest", "_transport", "_used", "other")

    def __init__(self, transport: asyncio.Transport, used: Callable[[], None], ended: Callable[[], None]) -> None:
        self._transport = transport
        self._meter = FrameMeter()
        self._used = used
        self._ended = ended
        self._full = False
        """The other side takes no more for now."""
        self._rest = memoryview(b"")
        """What was read here and not looked at yet; nothing more is read meanwhile."""
        self.other: _Side | None = None

    def get_buffer(self, sizehint: int) -> memoryview:
        return _VIEW

    def buffer_updated(self, nbytes: int) -> None:
        self.pass_on(_VIEW[:nbytes])

    def pass_on(self, chunk: memoryview) -> None:
        """These bytes came in here; they go out there, at once or in turns."""
        looked = self._send(chunk)
        if looked < len(chunk):
            self._rest = memoryview(bytes(chunk[looked:]))
            self._pause()
            _TURNS.wait(self)

    def look(self) -> None:
        """The next piece of the rest."""
        if self._full or not self._rest:
            return
        self._rest = self._rest[self._send(self._rest) :]
        if self._rest and not self._full:
            _TURNS.wait(self)
        else:
            self._read_on()

    def _send(self, chunk: memoryview) -> int:
        looked, data = self._meter.feed(chunk)
        if data:
            self._used()
        if self.other is not None:
            self.other.send(bytes(chunk[:looked]))
        return looked

    def send(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    def pause_writing(self) -> None:
        if self.other is not None:
            self.other.hold()

    def resume_writing(self) -> None:
        if self.other is not None:
            self.other.go_on()

    def hold(self) -> None:
        self._full = True
        self._pause()

    def go_on(self) -> None:
        self._full = False
        if self._rest:
            _TURNS.wait(self)
        else:
            self._read_on()

    def _pause(self) -> None:
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def _read_on(self) -> None:
        if not (self._full or self._rest or self._transport.is_closing()):
            self._transport.resume_reading()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        other, self.other = self.other, None
        if other is not None:
            other.send(bytes(self._rest))
            other.finish()
        self._rest = memoryview(b"")
        self._ended()

    def finish(self) -> None:
        """The other side is gone: what came from there still goes out, if somebody takes it."""
        self.other = None
        self._transport.close()
        asyncio.get_running_loop().call_later(LINGER_S, self._transport.abort)


class Splice:
    """Two connections that were something else before, until both are gone.

    `used` is called for data, not for pings.
    """

    def __init__(self, left: Taken, right: Taken, used: Callable[[], None]) -> None:
        self._open = 2
        self._gone = asyncio.get_running_loop().create_future()
        self._taken = (left, right)
        self._sides = tuple(_Side(taken.transport, used, self._ended) for taken in self._taken)
        self._sides[0].other, self._sides[1].other = self._sides[1], self._sides[0]

    async def ended(self) -> None:
        """Join them, and wait until both are closed."""
        for taken, side in zip(self._taken, self._sides, strict=True):
            taken.transport.set_protocol(side)
        for taken, side in zip(self._taken, self._sides, strict=True):
            if taken.ahead:
                side.pass_on(memoryview(taken.ahead))
            side.go_on()
        try:
            await self._gone
        finally:
            self.cut()

    def cut(self) -> None:
        """End both now."""
        for taken in self._taken:
            taken.transport.abort()

    def _ended(self) -> None:
        self._open -= 1
        if self._open:
            return
        for taken in self._taken:
            taken.lost(None)
        if not self._gone.done():
            self._gone.set_result(None)
