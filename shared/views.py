"""Jobs asked for by their ids: the word on single ones, where a list or an event may be behind.

A service that calls this has VIEWS among its ASKS.
"""

from collections.abc import Iterable

from shared.bus.bus import Bus
from shared.contracts.commands.jobs import VIEWS, GetJobViews
from shared.contracts.job import JobView

AT_ONCE = 200


async def views_of(bus: Bus, job_ids: Iterable[str], timeout_s: float = 5.0) -> list[JobView]:
    """Those of the jobs that exist. Raises TemporaryError when the jobs service is away."""
    left = sorted(set(job_ids))
    found: list[JobView] = []
    while left:
        answer = await bus.ask(VIEWS, GetJobViews(ids=tuple(left[:AT_ONCE])), timeout_s)
        found += answer.items
        left = [*answer.left, *left[AT_ONCE:]]
    return found
