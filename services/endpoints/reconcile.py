"""The level-triggered side: what an event missed, or a killed replica left half done, is made good within a minute."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from services.endpoints.follow import Follower
from services.endpoints.idle import IdleWatch
from shared.contracts.errors import Refusal, TemporaryError

log = structlog.get_logger()

CYCLE_S = 20.0
AGAIN_S = 1.0
"""Until the first look at all jobs is tried again."""


async def reconcile(follower: Follower, idle: IdleWatch) -> None:
    """Every job once, for what happened while this service was away; then what is open, until cancelled.

    What others refuse is no reason to stop looking.
    """
    caught_up = False
    while True:
        caught_up = caught_up or await _done(follower.catch_up)
        await _done(follower.repair)
        await _done(lambda: idle.look(follower.jobs))
        await asyncio.sleep(CYCLE_S if caught_up else AGAIN_S)


async def _done(action: Callable[[], Awaitable[None]]) -> bool:
    try:
        await action()
    except (TemporaryError, Refusal) as error:
        log.warning("endpoints_repair_delayed", error=repr(error))
        return False
    return True
