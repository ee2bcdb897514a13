"""Rights while a stream is open: whoever loses one is cut off within 5 s, and comes back to what is left of them.

A stream is decided on when it is opened. It goes on while its caller is exactly what the caller was then; at any
difference, be it a role, a VC that was closed, or the token itself, it ends. It also ends UNKNOWN_S after the last
moment for which that was certain, whether the accounts answer that they are away or not at all.
"""

import asyncio

from services.gateway.credentials import SignedIn
from shared.clock import Clock
from shared.contracts.errors import TemporaryError, Unauthorized

LOOK_S = 1.0
UNKNOWN_S = 2.5
"""How long a stream goes on while the accounts cannot be asked; with what is cached (`fresh.py`) that is under 5 s."""


class Cut(Exception):
    """An answer that had begun must not go on: its reader has lost the right to it."""


class Watch:
    """Looks after one caller."""

    def __init__(self, who: SignedIn, clock: Clock) -> None:
        self._who = who
        self._clock = clock
        self._sure = who.since

    async def lost(self) -> bool:
        """Returns (True) when the caller is not any more what it was."""
        while True:
            await asyncio.sleep(min(LOOK_S, max(0.0, self._left_s())))
            if not await self.lasts(self._left_s()):
                return True

    async def lasts(self, wait_s: float = UNKNOWN_S) -> bool:
        """Whether the caller is still what it was; asks at most every LOOK_S.

        `wait_s`: how long for an answer; whoever sends nothing meanwhile may wait longer than the stream may go on.
        """
        now = self._clock.monotonic()
        if now - self._sure < LOOK_S / 2:
            return True
        try:
            async with asyncio.timeout(wait_s):
                same = await self._who.again() == self._who.caller
        except Unauthorized:
            return False
        except (TemporaryError, TimeoutError):
            return self._left_s() > 0
        self._sure = now
        return same

    def _left_s(self) -> float:
        """How long the stream may still go on without an answer."""
        return self._sure + UNKNOWN_S - self._clock.monotonic()
