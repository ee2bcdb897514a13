"""A console at the pace of somebody who looks at it: what comes within PACE_S is told as one event.

It is read on while the reader takes its time, so that a slow reader gets the newest lines and not ever older ones;
how much waits for one is bounded (`domain/pending.py`).
"""

import asyncio
from collections.abc import AsyncGenerator

from services.gateway.domain.console import News
from services.gateway.domain.pending import Pending
from services.gateway.sse import ServerEvent

PACE_S = 0.1


async def paced(
    news: AsyncGenerator[tuple[News, int], None], pace_s: float = PACE_S
) -> AsyncGenerator[ServerEvent, None]:
    """What comes with its stream position, until it ends; after a quiet time at once. Raises what `news` raises."""
    loop = asyncio.get_running_loop()
    pending, came = Pending(), asyncio.Event()

    async def fill() -> None:
        async for one, position in news:
            pending.add(one, position)
            came.set()

    filling = asyncio.create_task(fill())
    filling.add_done_callback(lambda _: came.set())
    try:
        while pending or not filling.done():
            await came.wait()
            came.clear()
            if pending:
                due = loop.time() + pace_s
                yield ServerEvent(pending.take(), "lines", pending.position)
                await asyncio.sleep(due - loop.time())
        await filling
    finally:
        filling.cancel()
        await asyncio.gather(filling, return_exceptions=True)
        await news.aclose()
