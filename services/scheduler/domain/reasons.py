"""Why a job waits, in figures and in a sentence that its owner can act on.

The reasons of a queue are found per shape and kept until a node changes; a job adds its position. The codes:
`starting`, `making_room`, `waiting_for_devices`, `waiting_for_cpus`, `waiting_for_memory`, `waiting_for_pods`,
`waiting_for_turn`, `gang`, `node_busy`, `held_until`, `start_refused`, `no_nodes`, `no_such_device`, `no_node_fits`,
`gang_too_large`, `node_silent`, `nodes_closed`.
"""

from collections import Counter
from collections.abc import Iterable

from services.scheduler.domain.cause import Cause, named
from services.scheduler.domain.causes import cause_of
from services.scheduler.domain.figures import Figures
from services.scheduler.domain.passing import KEPT
from services.scheduler.domain.promise import on_nodes
from services.scheduler.domain.shape import Shape, shape_of
from services.scheduler.domain.snapshot import Snapshot
from shared.contracts.base import in_words, rfc3339
from shared.contracts.commands.scheduling import Explanation
from shared.contracts.events import Facts
from shared.contracts.job import CPU, START_REFUSED, Allocation, JobStatus, JobView, Reason

DEVICES = "waiting_for_devices"
GANG = "gang"
STARTING, MAKING_ROOM, HELD = "starting", "making_room", "held_until"
PASSED = frozenset({DEVICES, "waiting_for_cpus", "waiting_for_memory", "waiting_for_pods", GANG})
"""While a job waits for an amount, jobs behind it that ask for less may take what there is."""

VICTIMS_NAMED = 10
"""A reason names at most so many jobs, to stay small."""


class Reasons:
    """Explains the jobs of a snapshot, on the leader and on every other replica alike."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._seen = -1
        self._device_types: set[str] = set()
        self._figures: dict[str, Figures] = {}
        self._causes: dict[Shape, Cause] = {}

    def explain(self, ids: Iterable[str]) -> tuple[Explanation, ...]:
        """Those of these jobs that wait; the others are left out."""
        self._refresh()
        known = ((id, self._snapshot.jobs.get(id)) for id in ids)
        found = ((id, self._reason(view)) for id, view in known if view is not None)
        return tuple(Explanation.model_construct(id=id, reason=reason) for id, reason in found if reason is not None)

    def cause(self, shape: Shape) -> Cause:
        """What would stand in the way of a job of this shape. It is not kept: anybody may ask for any shape."""
        self._refresh()
        return cause_of(shape, self._seen_by(shape.device_type), self._device_types)

    def census(self) -> Counter[tuple[str, str]]:
        """How many queued jobs each virtual cluster has of each reason's code."""
        found = Counter[tuple[str, str]]()
        for (vc, _, code), count in self.waiting().items():
            found[vc, code] += count
        return found

    def waiting(self) -> Counter[tuple[str, Shape, str]]:
        """How many queued jobs each virtual cluster has of each shape and reason's code. What jobs of one shape have in
        common is found once, so this does not look at each of them.
        """
        self._refresh()
        snapshot, found = self._snapshot, Counter[tuple[str, Shape, str]]()
        for (vc, shape), count in snapshot.waiting.counts.items():
            found[vc, shape, self._cause(shape).code] += count
        for id in snapshot.making_room:
            if id in snapshot.waiting:
                vc, shape = snapshot.jobs[id].vc, snapshot.waiting.shape(id)
                found[vc, shape, self._cause(shape).code] -= 1
                found[vc, shape, MAKING_ROOM] += 1
        found.update((view.vc, shape_of(view), _held(view).code) for view in snapshot.waiting.held_back)
        placed = (snapshot.jobs[id] for id in snapshot.pending)
        found.update((view.vc, shape_of(view), STARTING) for view in placed)
        return +found

    def _refresh(self) -> None:
        nodes = self._snapshot.nodes
        if self._seen != nodes.changes:
            self._seen = nodes.changes
            self._causes.clear()
            reports = [node.report for node in nodes.table.values() if node.report is not None]
            self._device_types = {name for report in reports for name in (report.whole or report).devices}
            for figures in self._figures.values():
                figures.refresh()

    def _reason(self, view: JobView) -> Reason | None:
        status = view.state.status
        if status is JobStatus.QUEUED:
            return self._of_queued(view)
        allocation = view.state.allocation
        if allocation is None:
            return None
        silent = [node for node in _nodes_of(allocation) if self._silent(node)]
        if silent:
            return _out_of_sight(silent, view.id, allocation.shares[0].executor)
        return _starting(allocation, view) if status is JobStatus.SCHEDULING else None

    def _of_queued(self, view: JobView) -> Reason | None:
        pending = self._snapshot.pending.get(view.id)
        if pending is not None:
            return _starting(pending.allocation, view)
        if self._snapshot.waiting.held(view.id):
            return _held(view)
        if view.id not in self._snapshot.waiting:
            return None
        ahead = self._snapshot.waiting.order.rank(self._snapshot.waiting.key(view.id))
        shape = self._snapshot.waiting.shape(view.id)
        cause = self._making_room(view, shape) or self._cause(shape)
        details: Facts = {"position": ahead + 1, "ahead": ahead, **cause.details}
        message = f"{cause.sentence} {_line(ahead)}" if cause.may_change else cause.sentence
        if passed_by := self._passed_by(view, shape, cause):
            message = f"{message} {_passed(passed_by)}"
            details["passed_by"] = passed_by
        return Reason.model_construct(code=cause.code, message=message, details=details)

    def _passed_by(self, view: JobView, shape: Shape, cause: Cause) -> int:
        """How many jobs behind it have started since it waits for this: only where they took what it waits for."""
        if cause.code not in PASSED:
            return 0
        key = self._snapshot.waiting.key(view.id)
        devices_only = cause.code == DEVICES or (cause.code == GANG and shape.devices > 0)
        return self._snapshot.passing.of(view.id, key, shape, devices_only=devices_only)

    def _cause(self, shape: Shape) -> Cause:
        found = self._causes.get(shape)
        if found is None:
            found = self._causes[shape] = cause_of(shape, self._seen_by(shape.device_type), self._device_types)
        return found

    def _seen_by(self, device_type: str) -> Figures:
        """The figures of a device type; those of one that no node has are not kept."""
        found = self._figures.get(device_type)
        if found is None:
            found = Figures(self._snapshot.nodes, device_type)
            found.refresh()
            if device_type in self._device_types or device_type == CPU:
                self._figures[device_type] = found
        return found

    def _making_room(self, view: JobView, shape: Shape) -> Cause | None:
        """Who stops for it, by id; of jobs of another VC their size only."""
        victims = self._snapshot.making_room.get(view.id)
        if not victims:
            return None
        jobs = [(id, self._snapshot.jobs[id]) for id in victims]
        own = [id for id, job in jobs if job.vc == view.vc]
        named = [*own, *(f"a job of another VC ({shape_of(job)})" for _, job in jobs if job.vc != view.vc)]
        places = next(iter(victims.values()))
        where = [name for name, _ in places]
        what = "1 job" if len(named) == 1 else f"{len(named)} jobs"
        return Cause(
            MAKING_ROOM,
            f"Waits for {what} of lower priority {on_nodes(where)} to stop and make room for its {shape.whole}: "
            f"{', '.join(named[:VICTIMS_NAMED])}.",
            {
                "node": where[0],
                "nodes": list(where),
                "victims": list(own[:VICTIMS_NAMED]),
                **self._cause(shape).details,
            },
        )

    def _silent(self, name: str) -> bool:
        node = self._snapshot.nodes.table.get(name)
        return node is not None and node.silent


def _line(ahead: int) -> str:
    if not ahead:
        return "It is the first in line."
    return "1 job is ahead of it." if ahead == 1 else f"{ahead} jobs are ahead of it."


def _passed(count: int) -> str:
    jobs = "1 job" if count == 1 else f"{count} jobs" if count < KEPT else f"{KEPT} jobs or more"
    has = "has" if count == 1 else "have"
    return (
        f"{jobs} behind it {has} started meanwhile and may do so again: no place is kept for it. With a higher "
        "priority it may take the place of preemptible jobs of lower priority."
    )


def _starting(allocation: Allocation, view: JobView) -> Reason:
    shares, nodes = allocation.shares, _nodes_of(allocation)
    if len(shares) == 1:
        devices = f" with {view.device_type} {', '.join(map(str, shares[0].devices))}" if shares[0].devices else ""
        message = f"Has its place {on_nodes(nodes)}{devices} and is being started."
        return Reason(code=STARTING, message=message, details={"node": nodes[0], "devices": list(shares[0].devices)})
    message = f"Has its {len(shares)} places {on_nodes(nodes)} and is being started."
    return Reason(code=STARTING, message=message, details={"node": nodes[0], "nodes": list(nodes)})


def _nodes_of(allocation: Allocation) -> list[str]:
    """In the order of the ranks, each once."""
    return list(dict.fromkeys(share.node for share in allocation.shares))


def _held(view: JobView) -> Reason:
    until, why = view.state.not_before, view.state.reason
    if why is not None and why.code == START_REFUSED:
        return why
    return Reason(
        code=HELD,
        message=f"Attempt {view.state.attempt} did not succeed; it is tried again from "
        f"{in_words(until) if until is not None else 'now'} on.",
        details={"until": rfc3339(until) if until is not None else None, "attempt": view.state.attempt},
    )


def _out_of_sight(nodes: list[str], job_id: str, executor: str | None) -> Reason:
    """`executor`: whoever answers for these nodes of a cluster; none: each for itself."""
    one = len(nodes) == 1
    which = f"Node {named(nodes)} has" if one else f"Nodes {named(nodes)} have"
    again, gone = ("the node reports", "the node is") if one else ("they report", "one of them is")
    details: Facts = {"node": nodes[0], "nodes": list(nodes)}
    advice = "ask an operator to forget it"
    if executor is not None:
        advice = f"ask a platform administrator to give the run up (jobyard admin run force {job_id})"
        details["executor"] = executor
    return Reason(
        code="node_silent",
        message=f"{which} not reported for more than 30 seconds. The job may still run there; what became of it is "
        f"known when {again} again. If {gone} gone for good, {advice}.",
        details=details,
    )
