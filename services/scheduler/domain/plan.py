"""Who runs next: a pure function from the yard to placements and preemptions.

Jobs are taken in the order of the queue, each whole or not at all. It is placed if it fits now; else it is promised
room that others are already giving back; else, if that makes room, jobs of lower priority are told to leave, and that
room is promised to it. One that can have nothing waits, and smaller ones may pass it; what has been promised cannot be
taken by those behind, so nobody is preempted twice for the same job.

Invariants, held by `tests/property/test_plan.py`: capacity is never exceeded; a job has all of its ranks, with one
executor, or none; no job starts on room that a job ahead of it could have used; victims have strictly lower priority
and not one of them is needless, over all nodes; promised room is kept; a plan that was applied leaves nothing for the
next.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from heapq import heapify, heappop, heapreplace

from services.scheduler.domain.cursor import Cursor
from services.scheduler.domain.fit import Ledger
from services.scheduler.domain.gangs import Gangs
from services.scheduler.domain.order import Key
from services.scheduler.domain.promise import Promise, room_for
from services.scheduler.domain.shape import Shape
from services.scheduler.domain.singles import Singles
from services.scheduler.domain.sites import Places, Sites
from services.scheduler.domain.snapshot import Snapshot
from services.scheduler.domain.victims import loss
from services.scheduler.domain.waiting import Verdict
from shared.contracts.commands.scheduling import Placement, Preemption
from shared.contracts.job import Allocation, Share


@dataclass(frozen=True)
class Plan:
    """What one cycle decides. `Snapshot.apply` builds on it."""

    revision: int
    """The snapshot's, when it was made."""
    placements: tuple[Placement, ...]
    preemptions: tuple[Preemption, ...]
    promises: dict[str, Places]
    """Job to the places where it waits for others to leave."""
    verdicts: dict[Shape, Verdict]
    wake_at: datetime | None
    """When a job that is held back by a retry may go."""
    complete: bool
    """False: it stopped at the limit, and there may be more to place."""


def plan(snapshot: Snapshot, now: datetime, limit: int | None = None) -> Plan:
    """Decide, with at most `limit` placements. Call `snapshot.advance` before, `snapshot.apply` after."""
    return _Planner(snapshot, now).run(limit)


class _Planner:
    """The state of one plan in the making."""

    def __init__(self, snapshot: Snapshot, now: datetime) -> None:
        self._snapshot = snapshot
        self._now = now
        self._nodes = snapshot.nodes
        self._ledger = Ledger(snapshot.nodes)
        self._cursors: dict[Shape, Cursor] = {}
        self._placements: list[Placement] = []
        self._preemptions: list[Preemption] = []
        self._promises: dict[str, Places] = {}
        self._verdicts: dict[Shape, Verdict] = {}

    def run(self, limit: int | None) -> Plan:
        """Merge the shapes' queues in order, and leave each at its first job that can have nothing."""
        waiting = self._snapshot.waiting
        heads = [(next(keys), shape, keys) for shape, keys in ((s, iter(k)) for s, k in waiting.shapes.items())]
        heapify(heads)
        while heads and (limit is None or len(self._placements) < limit):
            key, shape, keys = heads[0]
            if self._decide(key, shape):
                following = next(keys, None)
            else:
                self._verdicts[shape] = Verdict(self._nodes.revision, key)
                following = None
            if following is None:
                heappop(heads)
            else:
                heapreplace(heads, (following, shape, keys))
        return Plan(
            revision=self._nodes.revision,
            placements=tuple(self._placements),
            preemptions=tuple(self._preemptions),
            promises=self._promises,
            verdicts=self._verdicts,
            wake_at=waiting.next_due,
            complete=not heads,
        )

    def _decide(self, key: Key, shape: Shape) -> bool:
        """Give this job what it can have; False if that is nothing."""
        id = key[2]
        promise = self._snapshot.promises.get(id)
        since = self._looked_at(key, shape, promise)
        cursor = self._cursors.get(shape)
        if cursor is None:
            sites = (Gangs if shape.gang else Singles)(self._ledger, self._nodes, shape)
            cursor = self._cursors[shape] = Cursor(sites, self._ledger, self._nodes)
        site = cursor.best(since)
        if site is not None:
            self._place(id, site.places, shape)
        elif promise is not None and cursor.sites.still_later(promise.places):
            self._promise(id, promise.places, shape)
            return True
        if promise is not None and (site is None or site.places != promise.places):
            self._ledger.reopened += [name for name, _ in promise.places if name in self._nodes.table]
        return site is not None or self._make_room(id, shape, cursor.sites, 0 if promise is not None else since)

    def _looked_at(self, key: Key, shape: Shape, promise: Promise | None) -> int:
        """Up to which revision it is known that nothing can take this job."""
        if promise is not None:
            return promise.revision
        verdict = self._snapshot.waiting.verdicts.get(shape)
        return verdict.revision if verdict is not None and verdict.covers(key) else 0

    def _place(self, id: str, places: Places, shape: Shape) -> None:
        nodes = [self._nodes.table[name] for name, ranks in places for _ in range(ranks)]
        shares = tuple(
            Share(
                node=node.name,
                rank=rank,
                devices=self._ledger.take(node, shape),
                executor=node.report.executor if node.report is not None else None,
            )
            for rank, node in enumerate(nodes)
        )
        version = self._snapshot.jobs[id].version
        self._placements.append(Placement(id=id, version=version, allocation=Allocation(shares=shares)))

    def _promise(self, id: str, places: Places, shape: Shape) -> None:
        for name, ranks in places:
            self._ledger.promise(name, shape, ranks)
        self._promises[id] = places

    def _make_room(self, id: str, shape: Shape, sites: Sites, since: int) -> bool:
        """Wait where others are leaving already; only if that is nowhere enough, tell some to leave."""
        grounds = self._look(sites, since)
        leaving = sites.later(grounds)
        if leaving:
            self._promise(id, min(leaving).places, shape)
            return True
        priority = self._snapshot.jobs[id].state.priority
        options = sites.victims(grounds, priority, self._now)
        found = min(((loss(victims), ground, victims) for ground, victims in options), default=None)
        if found is None:
            return False
        _, ground, victims = found
        for victim in victims:
            for node, holding in self._snapshot.holdings(victim.job):
                self._ledger.free(node, holding)
        now = sites.now((ground,))
        places = (now or sites.later((ground,)))[0].places
        if now:
            self._place(id, places, shape)
        else:
            self._promise(id, places, shape)
        self._preemptions += [self._preemption(victim.job, id, places) for victim in victims]
        return True

    def _look(self, sites: Sites, since: int) -> Iterable[str]:
        """The grounds on which room may have appeared since then, in this plan too."""
        if since == 0:
            return sites.all()
        return sites.of(dict.fromkeys((*self._nodes.improved_since(since), *self._ledger.reopened)))

    def _preemption(self, victim: str, id: str, places: Places) -> Preemption:
        loser, winner = self._snapshot.jobs[victim], self._snapshot.jobs[id]
        held = dict.fromkeys(node for node, _ in self._snapshot.holdings(victim))
        where = [name for name in held if name in dict(places)] or list(held)
        return Preemption(id=loser.id, version=loser.version, reason=room_for(winner, loser, where, places))
