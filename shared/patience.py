"""Waiting for what is away: parts start side by side, and each has to do without the others for a moment.

That is no warning. It is one when what is away stays away.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import structlog

from shared.bus.bus import AWAY

log = structlog.get_logger()

RESTART_WAIT_S = (0.05, 0.2, 0.5, 1.0, 2.0, 5.0)
PATIENT_S = 30.0
"""For so long it is normal at a start that the broker, a database or a stream is not there yet."""


async def until_it_works(action: Callable[[], Awaitable[None]], event: str, patient_s: float = PATIENT_S) -> None:
    """Repeat while what it needs is away. `patient_s`: seconds before that is a warning."""
    clock = asyncio.get_running_loop().time
    began, attempt = clock(), 0
    while True:
        try:
            await action()
            return
        except AWAY as error:
            tell = log.info if clock() - began < patient_s else log.warning
            tell(event, error=repr(error))
            await asyncio.sleep(RESTART_WAIT_S[min(attempt, len(RESTART_WAIT_S) - 1)])
            attempt += 1


async def until_each_works(actions: Iterable[Callable[[], Awaitable[None]]], event: str) -> None:
    """One after the other, each until it works: what an earlier one has begun is not begun again for a later one."""
    for action in actions:
        await until_it_works(action, event)
