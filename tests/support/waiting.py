"""Waiting for a condition, never for a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

LONG_S = 120.0
"""On a loaded machine; what comes true sooner is waited for no longer."""
Found = TypeVar("Found")


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


def seen(look: Callable[[], Found], fits: Callable[[Found], object], what: str, within: float = LONG_S) -> Found:
    """What was found when it first fitted: a second look could find that it has changed again."""
    deadline = time.monotonic() + within
    while not fits(found := look()):
        assert time.monotonic() < deadline, f"not within {within} s: {what}; it is {found}"
        time.sleep(0.02)
    return found
