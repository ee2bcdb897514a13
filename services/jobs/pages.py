"""Pages of lists: by an index where one serves the list, else sorted here, over a bounded number of jobs either way.

On what never changes (id, name, submission time) no job is seen twice or missed while others arrive: a page begins
behind the place where the one before ended, whatever was inserted meanwhile.
"""

from dataclasses import dataclass

from services.jobs.domain.cursor import Place
from services.jobs.domain.document import JobHead
from services.jobs.domain.filter import matches
from services.jobs.orders import Order, in_order, is_behind, place_of
from services.jobs.walks import Plan, Walk, Walks, begin, plan, rest_of
from shared.contracts.commands.lists import ListJobs
from shared.store.port import Collection

READ = 10_000
"""A list of at most so many jobs is read whole where no index serves it. Totals are exact up to here."""

LOOKED_AT = 2_000
"""Of a longer one, so many jobs are looked at for one page."""

GLANCE = CHUNK = 250
"""Jobs that are read at once; and those that are looked at before a list is read whole."""


@dataclass(frozen=True)
class Found:
    """Jobs in order, and the place behind which the list goes on (None: nowhere).

    `searched`: that place was set by LOOKED_AT, not by the limit. `total`: of the whole list where it was counted on
    the way.
    """

    jobs: list[JobHead]
    end: Place | None
    searched: bool = False
    total: int | None = None


class Pages:
    """Reads lists from the job documents; `read` and `looked_at` are the bounds above."""

    def __init__(self, heads: Collection[JobHead], read: int = READ, looked_at: int = LOOKED_AT) -> None:
        self._heads = heads
        self._read = read
        self._looked_at = looked_at

    async def find(self, ask: ListJobs, after: Place | None, limit: int) -> Found:
        """A page."""
        chosen = plan(ask)
        if ask.q is not None:
            job = await self._heads.get(ask.q.upper())
            if job is not None and matches(job, ask):
                return Found([job] if after is None else [], None, total=1)
        if chosen.served.exact:
            jobs = await self._next(chosen.served, after, limit + 1)
            return _cut(jobs, limit, chosen.order)
        if chosen.counted is not None:  # its total needs no whole reading; most often its page does not either
            glance = max(GLANCE, 2 * limit)
            found = await self._searched(chosen.served, ask, after, limit, min(glance, self._looked_at))
            if not found.searched:
                return found
        whole = await self._shortest(chosen)
        if whole is not None:
            return await self._sorted(whole, ask, chosen.order, after, limit)
        return await self._searched(chosen.served, ask, after, limit, self._looked_at)

    async def total(self, ask: ListJobs, found: Found) -> tuple[int, bool]:
        """How many jobs the list of this page has, and whether it is just as many, or at least."""
        counted = plan(ask).counted
        total = found.total
        if total is None and counted is not None:
            total = await self._count(counted)
        if total is None:
            return len(found.jobs), found.end is None and ask.cursor is None
        return min(total, self._read), total <= self._read

    async def _count(self, walks: Walks) -> int:
        number = 0
        for walk in walks.walks:
            number += await self._heads.count(walk, at_most=self._read + 1 - number)
            if number > self._read:
                break
        return number

    async def _next(self, walks: Walks, after: Place | None, limit: int) -> list[JobHead]:
        """The first jobs of all walks together behind a place."""
        found: dict[str, JobHead] = {}
        for walk in walks.walks:
            beginning = begin(walk, walks.order, after)
            if beginning is not None:
                rest = walk if after is None else rest_of(walk, walks.order)
                page = await self._heads.find(rest, *beginning, limit)
                found |= {job.id: job for job in page.items}
        return in_order(found.values(), walks.order)[:limit] if len(walks.walks) > 1 else list(found.values())

    async def _shortest(self, chosen: Plan) -> Walks | None:
        """The way to the whole list over the fewest jobs; None where each is longer than READ."""
        counted = [(await self._count(walks), number) for number, walks in enumerate(chosen.whole)]
        fewest, number = min(counted)
        return chosen.whole[number] if fewest <= self._read else None

    async def _sorted(self, whole: Walks, ask: ListJobs, order: Order, after: Place | None, limit: int) -> Found:
        found: dict[str, JobHead] = {}
        for walk in whole.walks:
            for job in await self._all_of(walk, whole.order):
                found.pop(job.id, None)
                if matches(job, ask):
                    found[job.id] = job
        jobs = in_order(found.values(), order)
        rest = jobs if after is None else [job for job in jobs if is_behind(job, after, order)]
        page = _cut(rest[: limit + 1], limit, order)
        return Found(page.jobs, page.end, total=len(jobs))

    async def _all_of(self, walk: Walk, order: Order) -> list[JobHead]:
        jobs: list[JobHead] = []
        after: Place | None = None
        while True:
            page = await self._heads.find(walk, order, after, CHUNK)
            jobs += page.items
            after = page.after
            if after is None:
                return jobs

    async def _searched(
        self, walks: Walks, ask: ListJobs, after: Place | None, limit: int, looked_at_most: int
    ) -> Found:
        found: list[JobHead] = []
        looked_at, chunk = 0, limit
        while looked_at < looked_at_most:
            chunk = min(2 * chunk, CHUNK, looked_at_most - looked_at)
            jobs = await self._next(walks, after, chunk + 1)
            looked_at += chunk
            for job in jobs[:chunk]:
                after = place_of(job, walks.order)
                if matches(job, ask):
                    found.append(job)
                    if len(found) == limit:
                        return Found(found, after)
            if len(jobs) <= chunk:
                return Found(found, None)
        return Found(found, after, searched=True)


def _cut(jobs: list[JobHead], limit: int, order: Order) -> Found:
    """The first `limit` of one job more."""
    end = place_of(jobs[limit - 1], order) if len(jobs) > limit else None
    return Found(jobs[:limit], end)
