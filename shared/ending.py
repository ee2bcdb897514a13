"""Ending tasks for good: a task that was cancelled has not always heard of it.

Before Python 3.12 `asyncio.wait_for`, in which the NATS client waits for every answer, forgets a cancellation that
comes together with the answer. A loop that was told once goes on for ever, and whoever waits for its end waits as long.
"""

import asyncio
from typing import Any

AGAIN_S = 5.0
"""Longer than tidying up takes, which another cancellation would interrupt."""


async def ended(*tasks: "asyncio.Task[Any]", again_s: float = AGAIN_S) -> None:
    """Cancel these, as often as it takes; returns when each of them has ended, however it did."""
    while left := [task for task in tasks if not task.done()]:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=again_s)
    await asyncio.gather(*tasks, return_exceptions=True)
