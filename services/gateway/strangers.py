"""How much of the platform those may take who have not signed in: public routes read bodies, and bodies may hang.

One address has a quarter of the requests, all strangers together half, so that who is signed in is always served. What
watches the platform has a quarter of its own: a replica is not taken out of service because others can't sign in. So
have the console's pages: whoever takes none of what they ask for keeps nobody from signing in.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import ASGIApp, Receive, Scope, Send

from services.gateway.domain.pages import is_page
from shared.contracts.errors import TooMany, Unavailable

ALIVE = "/healthz"
"""Answered whatever else there is to do: an orchestrator ends a process that does not answer here."""
WATCHING = frozenset({"/readyz", "/metrics"})


class StrangerLimit:
    """Behind the door: a request that it let in without a token counts here while it is under way."""

    def __init__(self, app: ASGIApp, max_requests: int) -> None:
        self._app = app
        quarter, half = max(1, max_requests // 4), max(1, max_requests // 2)
        self._strangers = _Share(quarter, half)
        self._watching = _Share(quarter, quarter)
        self._pages = _Share(max(1, quarter // 2), quarter)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or "jobyard.signed_in" in scope or scope["path"] == ALIVE:
            await self._app(scope, receive, send)
            return
        client = scope.get("client")
        with self._share_of(scope).taken(client[0] if client else "unknown"):
            await self._app(scope, receive, send)

    def _share_of(self, scope: Scope) -> "_Share":
        if scope["path"] in WATCHING:
            return self._watching
        return self._pages if is_page(scope["method"], scope["path"]) else self._strangers


class _Share:
    """So many requests at one time, by address and together."""

    def __init__(self, per_address: int, together: int) -> None:
        self._per_address = per_address
        self._together = together
        self._of: Counter[str] = Counter()

    @contextmanager
    def taken(self, address: str) -> Iterator[None]:
        """Raises TooMany, Unavailable."""
        if self._of[address] >= self._per_address:
            raise TooMany("Too many requests without a token come from your address right now. Try again in a moment.")
        if self._of.total() >= self._together:
            raise Unavailable("Too many people are signing in right now. Try again in a moment.")
        self._of[address] += 1
        try:
            yield
        finally:
            self._of[address] -= 1
            if not self._of[address]:
                del self._of[address]
