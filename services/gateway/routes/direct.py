"""Routes whose endpoint takes the request alone: called with it, since there is nothing to resolve.

FastAPI would look for parameters, dependencies and bodies all the same, which takes longer than the submission of a
job itself. The documentation does not change.
"""

import inspect
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response


class DirectRoute(APIRoute):
    """A route without FastAPI's resolution where it would resolve nothing."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint itself, or FastAPI's handler around it."""
        if list(inspect.signature(self.endpoint).parameters) == ["request"]:
            return self.endpoint
        return super().get_route_handler()
