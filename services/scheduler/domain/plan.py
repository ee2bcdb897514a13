"""Who runs next: a pure function from the yard to placements and preemptions.

Jobs are taken in the order of the queue. Each is placed if it fits now; else it is promised room that others are
already giving back; else, if that makes room, jobs of lower priority are told to leave, and that room is promised to
it. One that can have nothing waits, and smaller ones may pass it; what has been promised cannot be taken by those
behind, so nobody is preempted twice for the same job.

Invariants, held by `tests/property/test_plan.py`: capacity is never exceeded; no job starts on room that a job ahead
of it could have used; victims have strictly lower priority and not one of them is needless; a plan that was applied
leaves nothing for the next.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from heapq import heapify, heappop, heapreplace

from services.scheduler.domain.fit import Cost, Cursor, Ledger
from services.scheduler.domain.node import Node
from services.scheduler.domain.order import Key
from services.scheduler.domain.room import Holding
from services.scheduler.domain.shape import Shape, shape_of
from services.scheduler.domain.snapshot import FOR, NODE, Promise, Snapshot
from services.scheduler.domain.victims import Loss, candidates, choose, loss
from services.scheduler.domain.waiting import Verdict
from shared.contracts.commands.scheduling import Placement, Preemption
from shared.contracts.job import FOREIGN, Allocation, JobView, Reason, Share


@dataclass(frozen=True)
class Plan:
    """What one cycle decides. `Snapshot.apply` builds on it."""

    revision: int
    """The snapshot's, when it was made."""
    placements: tuple[Placement, ...]
    preemptions: tuple[Preemption, ...]
    promises: dict[str, str]
    """Job to the node on which it waits for others to leave."""
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
        self._promises: dict[str, str] = {}
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
        if shape not in self._cursors:
            self._cursors[shape] = Cursor(self._ledger, self._nodes, shape)
        node = self._cursors[shape].best(since)
        if node is not None:
            self._place(id, node, shape)
        promised = self._nodes.table.get(promise.node) if promise is not None else None
        if node is None and promised is not None and self._ledger.fits_later(promised, shape):
            self._promise(id, promised, shape)
            return True
        if promised is not None and promised is not node:
            self._ledger.reopened.append(promised.name)
        if node is not None:
            return True
        return self._make_room(id, shape, 0 if promise is not None else since)

    def _looked_at(self, key: Key, shape: Shape, promise: Promise | None) -> int:
        """Up to which revision it is known that no node can take this job."""
        if promise is not None:
            return promise.revision
        verdict = self._snapshot.waiting.verdicts.get(shape)
        return verdict.revision if verdict is not None and verdict.covers(key) else 0

    def _place(self, id: str, node: Node, shape: Shape) -> None:
        share = Share(node=node.name, devices=self._ledger.take(node, shape))
        version = self._snapshot.jobs[id].version
        self._placements.append(Placement(id=id, version=version, allocation=Allocation(shares=(share,))))

    def _promise(self, id: str, node: Node, shape: Shape) -> None:
        self._ledger.promise(node, shape)
        self._promises[id] = node.name

    def _make_room(self, id: str, shape: Shape, since: int) -> bool:
        """Wait where others are leaving already; only if that is nowhere enough, tell some to leave."""
        nodes = list(self._look(since))
        leaving = [node for node in nodes if self._ledger.fits_later(node, shape)]
        if leaving:
            self._promise(id, min(leaving, key=lambda node: self._cost_later(node, shape)), shape)
            return True
        options = (self._option(id, node, shape) for node in nodes if node.preemptible and node.reachable)
        found = min((option for option in options if option is not None), default=None)
        if found is None:
            return False
        _, name, victims = found
        for victim in victims:
            self._preempt(victim, id, name)
        node = self._nodes.table[name]
        if self._ledger.fits_now(node, shape):
            self._place(id, node, shape)
        else:
            self._promise(id, node, shape)
        return True

    def _look(self, since: int) -> Iterator[Node]:
        """The nodes on which room may have appeared since then, in this plan too."""
        if since == 0:
            yield from self._nodes.table.values()
        else:
            names = dict.fromkeys((*self._nodes.improved_since(since), *self._ledger.reopened))
            yield from map(self._nodes.table.__getitem__, names)

    def _cost_later(self, node: Node, shape: Shape) -> Cost:
        return self._ledger.cost(node, shape, self._ledger.later(node, shape.device_type))

    def _option(self, id: str, node: Node, shape: Shape) -> tuple[Loss, str, tuple[Holding, ...]] | None:
        priority = self._snapshot.jobs[id].state.priority
        room = self._ledger.later(node, shape.device_type)
        victims = choose(shape, room, candidates(self._ledger, node, priority), self._now)
        return (loss(victims, self._now), node.name, victims) if victims else None

    def _preempt(self, victim: Holding, id: str, name: str) -> None:
        for node, holding in self._snapshot.holdings(victim.job):
            self._ledger.free(node, holding)
        loser, winner = self._snapshot.jobs[victim.job], self._snapshot.jobs[id]
        reason = _room_for(winner, loser, name)
        self._preemptions.append(Preemption(id=loser.id, version=loser.version, reason=reason))


def _room_for(winner: JobView, loser: JobView, node: str) -> Reason:
    """Why the loser has to go. Of a job of another VC it tells the size, and its id to services only."""
    if winner.vc != loser.vc:
        message = f"A job of another VC ({shape_of(winner)}) of higher priority needs its place on node {node}."
        return Reason(code="higher_priority", message=message, details={FOR: winner.id, NODE: node, FOREIGN: True})
    return Reason(
        code="higher_priority",
        message=f"Job {winner.name} ({winner.id}) of priority {winner.state.priority} needs its place on node {node}; "
        f"its own priority is {loser.state.priority}.",
        details={FOR: winner.id, NODE: node, "priority": winner.state.priority},
    )
