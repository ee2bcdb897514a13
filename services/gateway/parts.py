"""What the routes are made of: one object, built once, found by every request."""

from dataclasses import dataclass

from starlette.requests import Request

from services.gateway.accounts import Accounts
from services.gateway.console import Console
from services.gateway.desk import Desk
from services.gateway.feed import Feed
from services.gateway.front import HttpMetrics
from services.gateway.readiness import ReadinessCheck
from services.gateway.settings import GatewaySettings
from services.gateway.sse import Streams
from services.gateway.submission import Submissions
from services.gateway.tokens import Tokens
from services.gateway.yard import Yard


@dataclass(frozen=True)
class Parts:
    """The gateway's parts."""

    settings: GatewaySettings
    accounts: Accounts
    tokens: Tokens
    yard: Yard
    submissions: Submissions
    desk: Desk
    console: Console
    feed: Feed
    streams: Streams
    readiness: ReadinessCheck
    metrics: HttpMetrics


def parts_of(request: Request) -> Parts:
    """The parts of the application that this request came to."""
    parts = request.app.state.parts
    assert isinstance(parts, Parts)
    return parts
