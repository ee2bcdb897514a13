"""Rights while a stream is open: whoever loses one is cut off within 5 s, and comes back to what is left of them.

A stream is decided on when it is opened. It goes on while its caller is exactly what the caller was then; at any
difference, be it a role, a VC that was closed, or the token itself, it ends.
"""

import asyncio
import time
from collections.abc import AsyncGenerator

from services.gateway.door import SignedIn
from shared.contracts.errors import TemporaryError, Unauthorized

LOOK_S = 1.0
UNKNOWN_S = 3.0
"""How long a stream goes on while the accounts cannot be asked."""


class Cut(Exception):
    """An answer that had begun must not go on: its reader has lost the right to it."""


class Watch:
    """Looks after one caller."""

    def __init__(self, who: SignedIn) -> None:
        self._who = who
        self._sure = time.monotonic()

    async def lost(self) -> bool:
        """Returns (True) when the caller is not any more what it was."""
        while True:
            await asyncio.sleep(LOOK_S)
            if not await self.lasts():
                return True

    async def lasts(self) -> bool:
        """Whether the caller is still what it was; asks at most every LOOK_S."""
        now = time.monotonic()
        if now - self._sure < LOOK_S / 2:
            return True
        try:
            async with asyncio.timeout(UNKNOWN_S):
                same = await self._who.again() == self._who.caller
        except Unauthorized:
            return False
        except (TemporaryError, TimeoutError):
            return now - self._sure < UNKNOWN_S
        self._sure = now
        return same

    async def over(self, pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """The pieces of a download. Raises Cut in their midst."""
        async for piece in pieces:
            if not await self.lasts():
                raise Cut
            yield piece
