"""A body that is always there leaves the loop to others between its pieces."""

import asyncio

from aiohttp import StreamReader
from aiohttp.base_protocol import BaseProtocol

from services.endpoints.door.relay import pieces


async def test_everything_else_has_its_turn_after_each_piece_of_a_body_that_never_waits() -> None:
    loop = asyncio.get_running_loop()
    content = StreamReader(BaseProtocol(loop), 1 << 16, loop=loop)
    turns = 0

    def other() -> None:
        nonlocal turns
        turns += 1
        loop.call_soon(other)

    loop.call_soon(other)
    content.feed_data(b"a")
    got = 0
    async for piece in pieces(content):
        assert piece == b"a" and turns >= got
        got += 1
        if got == 100:
            content.feed_eof()
        else:
            content.feed_data(b"a")
    assert got == 100
