"""Jobs asked for by their ids: the word on single ones, where a list or an event may be behind."""

from collections.abc import Iterable

from shared.bus.bus import Bus
from shared.contracts.commands import VIEWS, GetJobViews
from shared.contracts.job import JobView

AT_ONCE = 40
"""So many views fit in a message whatever their labels."""


async def views_of(bus: Bus, job_ids: Iterable[str]) -> list[JobView]:
    """Those of the jobs that exist. Raises TemporaryError when the jobs service is away."""
    ids = sorted(set(job_ids))
    found: list[JobView] = []
    for start in range(0, len(ids), AT_ONCE):
        found += (await bus.ask(VIEWS, GetJobViews(ids=tuple(ids[start : start + AT_ONCE])))).items
    return found
