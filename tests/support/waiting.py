"""Waiting for a condition, never for a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable

LONG_S = 60.0


async def until(condition: Callable[[], object | Awaitable[object]], what: str, within: float = LONG_S) -> None:
    """Return once the condition holds. Raises AssertionError with `what` when it does not come true."""
    deadline = time.monotonic() + within
    while True:
        result = condition()
        if isinstance(result, Awaitable):
            result = await result
        if result:
            return
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        await asyncio.sleep(0.02)


def wait_until(condition: Callable[[], object], what: str, within: float = LONG_S) -> None:
    """The same for code without an event loop."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        time.sleep(0.02)
