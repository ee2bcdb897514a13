"""How much of the platform those may take who have not signed in: public routes read bodies, and bodies may hang.

One address has a quarter of the requests, all strangers together half, so that who is signed in is always served.
"""

from collections import Counter

from starlette.types import ASGIApp, Receive, Scope, Send

from shared.contracts.errors import TooMany, Unavailable

ALIVE = "/healthz"
"""Answered whatever else there is to do: an orchestrator ends a process that does not answer here."""


class StrangerLimit:
    """Behind the door: a request that it let in without a token counts here while it is under way."""

    def __init__(self, app: ASGIApp, max_requests: int) -> None:
        self._app = app
        self._per_address = max(1, max_requests // 4)
        self._together = max(1, max_requests // 2)
        self._of: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or "jobyard.signed_in" in scope or scope["path"] == ALIVE:
            await self._app(scope, receive, send)
            return
        client = scope.get("client")
        address = client[0] if client else "unknown"
        if self._of[address] >= self._per_address:
            raise TooMany("Too many requests without a token come from your address right now. Try again in a moment.")
        if self._of.total() >= self._together:
            raise Unavailable("Too many people are signing in right now. Try again in a moment.")
        self._of[address] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._of[address] -= 1
            if not self._of[address]:
                del self._of[address]
