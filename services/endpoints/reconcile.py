"""The level-triggered side: what an event missed, or a killed replica left half done, is made good within a minute."""

import asyncio

import structlog

from services.endpoints.follow import Follower
from services.endpoints.idle import IdleWatch
from shared.contracts.errors import TemporaryError

log = structlog.get_logger()

CYCLE_S = 20.0


async def reconcile(follower: Follower, idle: IdleWatch) -> None:
    """Every job once, for what happened while this service was away; then what is open, until cancelled."""
    await follower.catch_up()
    while True:
        try:
            await follower.repair()
            await idle.look()
        except TemporaryError as error:
            log.warning("endpoints_repair_delayed", error=repr(error))
        await asyncio.sleep(CYCLE_S)
