"""Routes whose endpoint takes the request alone: called with it, since there is nothing to resolve.

FastAPI would look for parameters, dependencies and bodies all the same, which takes longer than the submission of a
job itself. The documentation does not change, and errors go the way of all errors.
"""

import inspect
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.types import Receive, Scope, Send


class DirectRoute(APIRoute):
    """A route without FastAPI's resolution where it would resolve nothing."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._takes_request_only = list(inspect.signature(self.endpoint).parameters) == ["request"]

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with what the endpoint returns."""
        if not self._takes_request_only or scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        response = await self.endpoint(Request(scope, receive, send))
        await response(scope, receive, send)
