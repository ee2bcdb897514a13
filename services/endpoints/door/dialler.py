"""Connections into runs that are being opened: few at one time for each run, so that one waits for no other's."""

import socket

from services.endpoints.domain.shares import Shares
from services.endpoints.door.upstream import Dial
from shared.contracts.errors import Unavailable
from shared.streams.client import RunAt

MOST = 512
MOST_OF_ONE = 32
FULL = "Too many connections to this job are being opened at once. Try again in a moment."


class Dialler:
    """Dials as `dial` does, and raises Unavailable beyond the bounds."""

    def __init__(self, dial: Dial, most: int = MOST, most_of_one: int = MOST_OF_ONE) -> None:
        self._dial = dial
        self._under_way = Shares(most, most_of_one)

    async def __call__(self, run: RunAt, port: int) -> socket.socket:
        with self._under_way.held(f"{run.job_id}.{run.attempt}.{run.rank}", Unavailable(FULL)):
            return await self._dial(run, port)
