"""A websocket of very many small frames goes on in turns with everything else, and loses none of them."""

import asyncio
from typing import Any

from services.endpoints.domain.websocket import FRAMES
from services.endpoints.door.splice import Splice, Taken

PINGS = 100 * FRAMES
FLOOD = b"\x89\x00" * PINGS


class Wire(asyncio.Transport):
    """One end, as a splice sees it."""

    def __init__(self) -> None:
        super().__init__()
        self.protocol: Any = None
        self.written = bytearray()
        self.reads = True
        self.closed = False

    @property
    def held(self) -> bool:
        return not self.reads

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close

    def come_in(self, data: bytes) -> None:
        self.protocol.get_buffer(len(data))[: len(data)] = data
        self.protocol.buffer_updated(len(data))


class Spliced:
    """Two wires joined."""

    def __init__(self) -> None:
        self.left, self.right = Wire(), Wire()
        self.used = 0
        left, right = (Taken(wire, b"", lambda lost: None) for wire in (self.left, self.right))
        self.splice = Splice(left, right, self._use)
        self.joining = asyncio.ensure_future(self.splice.ended())

    def _use(self) -> None:
        self.used += 1

    async def rounds_until(self, count: int) -> int:
        """How often the loop has gone round when the right one has so many bytes."""
        rounds = 0
        while len(self.right.written) < count:
            await asyncio.sleep(0)
            rounds += 1
        return rounds

    async def over(self) -> None:
        self.left.protocol.connection_lost(None)
        self.right.protocol.connection_lost(None)
        await self.joining


async def test_a_flood_of_pings_leaves_the_loop_to_others_between_bounded_looks_both_ways() -> None:
    floods = [Spliced(), Spliced()]
    await asyncio.sleep(0)
    for flood in floods:
        flood.left.come_in(FLOOD)
        assert len(flood.right.written) == 2 * FRAMES and flood.left.held
    rounds = await floods[0].rounds_until(len(FLOOD))
    assert rounds >= 2 * (PINGS // FRAMES - 1) - 1, "of several, one look in each round"
    await floods[1].rounds_until(len(FLOOD))
    for flood in floods:
        assert flood.right.written == FLOOD and flood.used == 0
        await flood.rounds_until(0)
        assert flood.left.reads
        await flood.over()


async def test_a_slow_reader_holds_the_flood_and_what_was_read_of_it_goes_on_later() -> None:
    flood = Spliced()
    await asyncio.sleep(0)
    flood.left.come_in(FLOOD + b"\x82\x01x")
    flood.right.protocol.pause_writing()
    for _ in range(PINGS):
        await asyncio.sleep(0)
    assert len(flood.right.written) == 2 * FRAMES and flood.left.held
    flood.right.protocol.resume_writing()
    flood.right.protocol.resume_writing()
    await flood.rounds_until(len(FLOOD) + 3)
    assert flood.right.written == FLOOD + b"\x82\x01x" and flood.used == 1 and flood.left.reads
    await flood.over()


async def test_what_was_read_before_the_end_goes_out() -> None:
    flood = Spliced()
    await asyncio.sleep(0)
    flood.left.come_in(FLOOD)
    await flood.over()
    assert flood.right.written == FLOOD and flood.right.closed
