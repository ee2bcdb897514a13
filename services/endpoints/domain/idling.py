"""When an endpoint that nobody uses is warned of, and when it closes."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from services.endpoints.domain import reasons
from services.endpoints.domain.document import EndpointDocument
from services.endpoints.domain.machine import Idle, Signal, Unused
from shared.contracts.endpoints import EndpointStatus

WARN_S = 300.0
"""The warning comes so long before the end, or after three quarters of a shorter limit."""


def is_near_its_end(endpoint: EndpointDocument, limit_s: int, now: datetime) -> bool:
    """Whether it is time to look closer: a program may be busy without anybody's traffic."""
    return endpoint.status is EndpointStatus.READY and now >= _warned_at(endpoint, limit_s)


def is_unused(endpoint: EndpointDocument, limit_s: int, now: datetime) -> bool:
    """Whether it was ready all the time, and nobody used it for as long as the limit says."""
    unused_s = (now - unused_since(endpoint)).total_seconds()
    return endpoint.status is EndpointStatus.READY and unused_s >= limit_s


def nobody_came(endpoints: Iterable[EndpointDocument], limit_s: int, now: datetime) -> bool:
    """Whether each was unused for so long, or failed or closed so long ago. One that opens has yet to be used."""
    limit = timedelta(seconds=limit_s)
    lefts = [_left_at(endpoint) for endpoint in endpoints]
    return all(left is not None and now - left >= limit for left in lefts)


def verdict(endpoint: EndpointDocument, limit_s: int, now: datetime) -> Signal:
    """What becomes of one that is near its end, and was not used since."""
    if is_unused(endpoint, limit_s, now):
        return Idle(reasons.idle(limit_s))
    return Unused(reasons.closing(limit_s, unused_since(endpoint) + timedelta(seconds=limit_s)))


def unused_since(endpoint: EndpointDocument) -> datetime:
    """The last use, or the moment it became ready if that is later."""
    ready = max((entry.time for entry in endpoint.history if entry.fact == "ready"), default=endpoint.requested_at)
    return max(ready, endpoint.last_used_at or ready)


def _left_at(endpoint: EndpointDocument) -> datetime | None:
    """Since when nobody is in it; None while it opens."""
    if endpoint.status is EndpointStatus.READY:
        return unused_since(endpoint)
    if endpoint.status in (EndpointStatus.FAILED, EndpointStatus.CLOSED):
        return max((entry.time for entry in endpoint.history), default=endpoint.requested_at)
    return None


def _warned_at(endpoint: EndpointDocument, limit_s: int) -> datetime:
    return unused_since(endpoint) + timedelta(seconds=max(limit_s - WARN_S, limit_s * 0.75))
