"""The yard as the scheduler sees it: every job that is not over, every node, and what was promised to whom.

Jobs come in by version, in any order and as often as they like: an older version changes nothing, and a job that is
over stays over. A change costs O(log n). What a plan decided is applied at once (`apply`), so that the next plan
builds on it; its placements stay `pending` until the jobs service has said what became of them.

Quotas, fair shares and reservations will be further tables beside `promises`.
"""

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

from services.scheduler.domain.nodes import Nodes
from services.scheduler.domain.passing import Passing
from services.scheduler.domain.promise import Promise, served_by
from services.scheduler.domain.room import Holding, Place
from services.scheduler.domain.shape import milli
from services.scheduler.domain.sites import Places
from services.scheduler.domain.waiting import Waiting
from shared.contracts.commands.scheduling import Placement
from shared.contracts.events import NodeReported
from shared.contracts.job import HOLDING, TERMINAL, Allocation, JobStatus, JobView

if TYPE_CHECKING:
    from services.scheduler.domain.plan import Plan

TOMBSTONES = 200_000
"""How many ended jobs are remembered, so that a late event does not bring one back."""

Held = tuple[str, Holding]
"""(node, what is held there)"""


class Snapshot:
    """Everything that a plan or an explanation looks at. It has no clock: time comes in through `advance`."""

    def __init__(self) -> None:
        self.jobs: dict[str, JobView] = {}
        self.nodes = Nodes()
        self.waiting = Waiting()
        self.passing = Passing()
        self.pending: dict[str, Placement] = {}
        self.promises: dict[str, Promise] = {}
        self.making_room: dict[str, dict[str, Places]] = {}
        """Who stops for whom: the job that gets the room, to those who are being stopped and what it is to have."""
        self.counts: Counter[tuple[str, JobStatus]] = Counter()
        """How many of the jobs each virtual cluster has in each status."""
        self.monotonic = 0.0
        self._held: dict[str, tuple[Held, ...]] = {}
        self._ended: dict[str, int] = {}
        self._stirred = True
        self._planned = 0

    @property
    def due(self) -> bool:
        """Whether a plan could find something that the last one did not."""
        return self._stirred or self.nodes.revision > self._planned

    def holdings(self, id: str) -> tuple[Held, ...]:
        """What a job holds, rank by rank."""
        return self._held.get(id, ())

    def devices_held(self) -> Counter[tuple[str, str]]:
        """How many devices jobs hold, by virtual cluster and type."""
        found: Counter[tuple[str, str]] = Counter()
        for id, held in self._held.items():
            for _, holding in held:
                if holding.devices:
                    found[self.jobs[id].vc, holding.device_type] += len(holding.devices)
        return found

    # --- what comes in

    def put(self, view: JobView) -> bool:
        """Take what is known of a job; False if something as new is known already."""
        before = self.jobs.get(view.id)
        known = before.version if before is not None else self._ended.get(view.id, -1)
        if view.version <= known:
            return False
        self._stop_waiting(view.id)
        self._count(before, view)
        if before is not None:
            self._learn(before, view)
            if before.state.status is JobStatus.QUEUED and view.state.status is JobStatus.SCHEDULING:
                self.passing.start(before)
        if view.state.status in TERMINAL:
            self._bury(view)
        else:
            self.jobs[view.id] = view
        holds = view.state.status in HOLDING
        self._hold(view.id, _holdings(view, view.state.allocation if holds else None))
        self._note_victim(before, view)
        if view.state.status is JobStatus.QUEUED:
            self._wait(view)
        return True

    def forget(self, id: str) -> None:
        """The jobs service does not know this job any more."""
        view = self.jobs.pop(id, None)
        if view is not None:
            self._count(view, None)
            self._stop_waiting(id)
            self._hold(id, ())
            self._note_victim(view, None)

    def report(self, report: NodeReported, monotonic: float) -> None:
        """A node says what it has."""
        self.nodes.report(report, monotonic)

    def lose_node(self, name: str, monotonic: float) -> None:
        """A node does not report any more."""
        self._stirred |= self.nodes.lose(name, monotonic)

    def advance(self, now: datetime, monotonic: float) -> None:
        """Let time pass: nodes fall silent, rests end, held jobs may go."""
        self.monotonic = monotonic
        self._stirred |= self.nodes.advance(monotonic)
        self._stirred |= self.waiting.advance(now)

    # --- what goes out

    def apply(self, plan: "Plan") -> None:
        """Build on a plan that is about to be sent."""
        for placement in plan.placements:
            view = self.jobs[placement.id]
            self._stop_waiting(placement.id)
            self.pending[placement.id] = placement
            self._hold(placement.id, _holdings(view, placement.allocation, preemptible=False))
        for id, promise in list(self.promises.items()):
            kept = promise.places if id in self.waiting and not plan.complete else None
            if plan.promises.get(id, kept) != promise.places:
                self._drop_promise(id)
        self.promises.update({id: Promise(places, plan.revision) for id, places in plan.promises.items()})
        self.waiting.verdicts.update(plan.verdicts)
        self._planned = plan.revision
        self._stirred = not plan.complete

    def give_back(self, id: str) -> None:
        """A pending placement did not happen: the job waits again as it is known."""
        if self.pending.pop(id, None) is not None and id in self.jobs:
            self._hold(id, ())
            self._wait(self.jobs[id])

    # --- bookkeeping

    def _wait(self, view: JobView) -> None:
        self._stirred |= self.waiting.add(view)
        self.passing.join(view.id)
        for places in self.making_room.get(view.id, {}).values():
            self.promises.setdefault(view.id, Promise(places, 0))

    def _stop_waiting(self, id: str) -> None:
        self._drop_promise(id)
        self.waiting.remove(id)
        self.passing.leave(id)
        self.pending.pop(id, None)

    def _drop_promise(self, id: str) -> None:
        promise = self.promises.pop(id, None)
        for node, _ in promise.places if promise is not None else ():
            if node in self.nodes.table:
                self.nodes.improve(node)

    def _hold(self, id: str, held: tuple[Held, ...]) -> None:
        before = self._held.get(id, ())
        if held == before:
            return
        for node, holding in before:
            self.nodes.release(node, holding)
        for node, holding in held:
            self.nodes.hold(node, holding)
        if held:
            self._held[id] = held
        else:
            self._held.pop(id, None)

    def _count(self, before: JobView | None, view: JobView | None) -> None:
        if before is not None:
            self.counts[before.vc, before.state.status] -= 1
        if view is not None and view.state.status not in TERMINAL:
            self.counts[view.vc, view.state.status] += 1

    def _learn(self, before: JobView, view: JobView) -> None:
        """A start that was given back teaches its node a rest, unless the cause is not the node's; one that succeeded
        ends the doubt.
        """
        if before.state.status is not JobStatus.SCHEDULING or view.version != before.version + 1:
            return
        if view.state.refusals > before.state.refusals:
            return
        for node, places in _places(self.holdings(view.id)).items():
            if view.state.status is JobStatus.QUEUED:
                self.nodes.refuse(node, places, self.monotonic)
            elif view.state.status is JobStatus.RUNNING:
                self.nodes[node].rests.trust(places)

    def _note_victim(self, before: JobView | None, view: JobView | None) -> None:
        """Keep up who is being stopped for whom; after a rebuild, promises are known from here."""
        if before is not None and (served := served_by(before)) is not None:
            victims = self.making_room[served[0]]
            del victims[before.id]
            if not victims:
                del self.making_room[served[0]]
        if view is not None and (served := served_by(view)) is not None:
            self.making_room.setdefault(served[0], {})[view.id] = served[1]
            if served[0] in self.waiting:
                self.promises.setdefault(served[0], Promise(served[1], 0))

    def _bury(self, view: JobView) -> None:
        self.jobs.pop(view.id, None)
        self._ended[view.id] = view.version
        if len(self._ended) > TOMBSTONES:
            del self._ended[next(iter(self._ended))]


def _holdings(view: JobView, allocation: Allocation | None, preemptible: bool | None = None) -> tuple[Held, ...]:
    """What a job holds with this allocation; a placement that is only pending is not preemptible yet."""
    if allocation is None:
        return ()
    leaving = view.state.status in (JobStatus.PAUSING, JobStatus.KILLING)
    if preemptible is None:
        preemptible = view.preemptible and not leaving
    holding = Holding(
        job=view.id,
        rank=0,
        device_type=view.device_type,
        devices=(),
        milli_cpus=milli(view.cpus),
        memory_mib=view.memory_mib,
        leaving=leaving,
        preemptible=preemptible,
        priority=view.state.priority if preemptible else 0,
        since=view.state.started_at if preemptible else None,
        ranks=len(allocation.shares),
    )
    return tuple((share.node, holding._replace(rank=share.rank, devices=share.devices)) for share in allocation.shares)


def _places(held: tuple[Held, ...]) -> dict[str, tuple[Place, ...]]:
    """The devices of a job node by node; the ranks of a job without devices are one place."""
    found: dict[str, dict[Place, None]] = {}
    for node, holding in held:
        found.setdefault(node, {}).update(dict.fromkeys(holding.places()))
    return {node: tuple(places) for node, places in found.items()}
