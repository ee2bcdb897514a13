"""What holds for every plan, whatever the yard looks like and whatever happened before."""

import random
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.scheduler.domain.order import key_of
from services.scheduler.domain.plan import Plan
from services.scheduler.domain.plan import plan as make_plan
from services.scheduler.domain.reasons import Reasons
from services.scheduler.domain.room import NOTHING, Room, need
from services.scheduler.domain.shape import shape_of
from shared.contracts.job import HOLDING, TERMINAL, JobStatus, JobView, Reason
from tests.support.yard import Yard, for_devices, job, node

PRIORITIES = (1, 50, 100, 100, 500)
SIZES = st.fixed_dictionaries(
    {
        "devices": st.sampled_from((0, 1, 1, 2, 4, 8)),
        "nodes": st.sampled_from((1, 1, 1, 2, 3)),
        "cpus": st.sampled_from((0.01, 0.5, 1.0, 3.0)),
        "memory_mib": st.sampled_from((0, 0, 100, 900)),
        "priority": st.sampled_from(PRIORITIES),
        "preemptible": st.booleans(),
    }
)
RUNS = (JobStatus.SCHEDULING, JobStatus.RUNNING)


NODES = (
    node("a", cpus=8, memory_mib=1000, v100=8),
    node("b", cpus=4, memory_mib=1000, executor="cluster", pods=6, v100=4),
    node("c", cpus=4, memory_mib=500, executor="cluster", pods=3),
    for_devices(node("d", cpus=6, memory_mib=900, executor="cluster", pods=2, v100=4)),
)
"""A machine by itself, and a cluster of three, one of them for jobs with devices only; these take few ranks each."""
QUOTA = Reason(code="cluster_refused", message="Exceeded quota.")


def yard() -> Yard:
    return Yard(*NODES)


class Storm:
    """Anything happens between cycles, as a seed says; each cycle keeps every promise of `plan`."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.yard = yard()
        self.reasons = Reasons(self.yard.snapshot)
        self.count = 0
        self.silent: set[str] = set()
        self.sizes = [self.size() for _ in range(self.random.randint(1, 4))]
        kinds: list[tuple[Callable[[], None], int]] = [
            (self.submit, 5),
            (self.cycle, 6),
            (self.start, 3),
            (self.end, 4),
            (self.change_priority, 1),
            (self.kill, 2),
            (self.retry_later, 1),
            (self.refuse, self.random.choice((0, 1))),
            (self.put_off, self.random.choice((0, 1))),
            (self.pass_time, 2),
            (self.fall_silent, self.random.choice((0, 0, 1))),
            (self.share, self.random.choice((0, 1))),
        ]
        self.kinds = [kind for kind, _ in kinds]
        self.weights = [weight for _, weight in kinds]

    def size(self) -> dict[str, Any]:
        pick = self.random.choice
        return {
            "devices": pick((0, 1, 2, 4, 5, 8)),
            "nodes": pick((1, 1, 1, 2, 2, 3)),
            "cpus": pick((0.01, 0.5, 3.0)),
            "memory_mib": pick((0, 0, 100, 900)),
        }

    def blow(self, steps: int) -> None:
        for _ in range(steps):
            self.random.choices(self.kinds, self.weights)[0]()
            self.yard.check_capacity()
            check_census(self.yard, self.reasons)

    # --- what happens

    def submit(self) -> None:
        for _ in range(self.random.randint(1, 3)):
            priority, preemptible = self.random.choice(PRIORITIES), self.random.random() < 0.6
            size = self.random.choice(self.sizes)
            vc = self.random.choice(("vision", "speech"))
            self.yard.submit(job(self.count, priority=priority, preemptible=preemptible, vc=vc, **size))
            self.count += 1

    def start(self) -> None:
        for view in self.yard.of(JobStatus.SCHEDULING):
            self.yard.start(view.id)

    def end(self) -> None:
        self.some(self.yard.end, JobStatus.RUNNING, JobStatus.PAUSING, JobStatus.KILLING)

    def change_priority(self) -> None:
        priority = self.random.choice(PRIORITIES)
        self.some(lambda id: self.yard.change(id, priority=priority), JobStatus.QUEUED, *RUNS)

    def kill(self) -> None:
        self.some(lambda id: self.yard.change(id, status=JobStatus.KILLED), JobStatus.QUEUED)
        self.some(lambda id: self.yard.change(id, status=JobStatus.KILLING, then=JobStatus.KILLED), *RUNS)

    def retry_later(self) -> None:
        later = self.yard.now + timedelta(seconds=30)
        changes = {"status": JobStatus.QUEUED, "allocation": None, "not_before": later}
        self.some(lambda id: self.yard.change(id, **changes), JobStatus.RUNNING)

    def refuse(self) -> None:
        self.some(self.yard.refuse, JobStatus.SCHEDULING)

    def put_off(self) -> None:
        self.some(lambda id: self.yard.put_off(id, QUOTA, 30), JobStatus.SCHEDULING)

    def pass_time(self) -> None:
        self.yard.pass_time(self.random.choice((0.1, 1.0, 20.0, 3600.0)), self.silent)

    def fall_silent(self) -> None:
        self.silent = set() if self.silent else {self.random.choice("abcd")}
        self.yard.pass_time(31, self.silent)

    def share(self) -> None:
        """Strangers take devices and pods of a node that no job holds, or give some back; which ones, nobody tells."""
        report = self.random.choice(NODES)
        if report.node not in self.silent and "v100" in report.devices:
            left = self.random.randint(self.yard.held(report.node, "v100"), report.devices["v100"])
            most = report.pods
            pods = None if most is None else self.random.randint(min(self.yard.ranks(report.node), most), most)
            self.yard.report(report.model_copy(update={"devices": {"v100": left}, "pods": pods}))

    def some(self, action: Callable[[str], object], *statuses: JobStatus) -> None:
        found = self.yard.of(*statuses)
        if found:
            action(self.random.choice(found).id)

    # --- what holds

    def cycle(self) -> None:
        self.yard.snapshot.advance(self.yard.now, self.yard.monotonic)
        before = dict(self.yard.jobs)
        table = self.yard.snapshot.nodes.table
        free = {name: known.room("v100") for name, known in table.items() if known.accepting}
        due = self.yard.snapshot.due
        plan = self.yard.cycle(self.random.choice((None, None, None, 1, 2)))
        assert due or not (plan.placements or plan.preemptions)
        check_decisions(plan, before, self.yard, self.silent)
        check_promises(plan, self.yard)
        if not plan.promises:
            check_nobody_was_passed(plan, before, free, self.yard)
        if plan.complete:
            check_nothing_is_left(self.yard)


def check_census(yard: Yard, reasons: Reasons) -> None:
    """What is counted without looking at each job is what each of them says."""
    snapshot = yard.snapshot
    queued = [view for view in snapshot.jobs.values() if view.state.status is JobStatus.QUEUED]
    explained = reasons.explain(view.id for view in queued)
    assert reasons.census() == Counter((snapshot.jobs[one.id].vc, one.reason.code) for one in explained)
    assert len(explained) == len(queued)
    alive = [view for view in yard.jobs.values() if view.state.status not in TERMINAL]
    assert +snapshot.counts == Counter((view.vc, view.state.status) for view in alive)
    held = Counter[tuple[str, str]]()
    for view in yard.of(*HOLDING):
        held[view.vc, view.device_type] += view.devices * view.nodes
    assert snapshot.devices_held() == +held


def check_decisions(plan: Plan, before: dict[str, JobView], yard: Yard, silent: set[str]) -> None:
    """Only those who may are placed and preempted."""
    for placement in plan.placements:
        view = before[placement.id]
        assert view.state.status is JobStatus.QUEUED
        assert view.state.not_before is None or view.state.not_before <= yard.now
        shares = placement.allocation.shares
        assert not silent.intersection(share.node for share in shares)
        assert len({share.answerer for share in shares}) == 1
        for share in shares:
            assert all(index < yard.nodes[share.node].devices[view.device_type] for index in share.devices)
    winners = plan.promises.keys() | {placement.id for placement in plan.placements}
    for preemption in plan.preemptions:
        loser, winner = before[preemption.id], before[str(preemption.reason.details["for"])]
        assert loser.preemptible
        assert loser.state.status in RUNS
        assert loser.state.priority < winner.state.priority
        assert winner.id in winners


def check_promises(plan: Plan, yard: Yard) -> None:
    """All that was promised is there when those who are leaving have left: nobody behind has taken any of it."""
    for name, known in yard.snapshot.nodes.table.items():
        promised = [(yard.jobs[id], dict(places).get(name, 0)) for id, places in plan.promises.items()]
        devices = sum(view.devices * ranks for view, ranks in promised)
        milli_cpus = sum(round(view.cpus * 1000) * ranks for view, ranks in promised)
        memory_mib = sum(view.memory_mib * ranks for view, ranks in promised)
        later = known.later("v100")
        assert devices <= max(later.devices, 0)
        assert milli_cpus <= max(later.milli_cpus, 0)
        assert memory_mib <= max(later.memory_mib, 0) or not memory_mib
    for id, places in plan.promises.items():
        assert sum(ranks for _, ranks in places) == yard.jobs[id].nodes
        assert len({yard.nodes[name].answerer for name, _ in places}) == 1


def check_nobody_was_passed(plan: Plan, before: dict[str, JobView], free: dict[str, Room], yard: Yard) -> None:
    """No placed job took room that a waiting job ahead of it could have used."""
    placed = {placement.id for placement in plan.placements}
    now = yard.now
    waiting = [
        view
        for view in before.values()
        if view.state.status is JobStatus.QUEUED
        and view.id not in placed
        and (view.state.not_before is None or view.state.not_before <= now)
    ]
    for placement in plan.placements:
        view, shares = before[placement.id], placement.allocation.shares
        taken = {share.node: free[share.node] for share in shares}
        own = {name: free[name] for name in free if yard.nodes[name].answerer == shares[0].answerer}
        for other in waiting:
            if key_of(other) < key_of(view):
                assert not fits(own if other.nodes > 1 else taken, other)
        for share in shares:
            free[share.node] = free[share.node].minus(need(shape_of(view)))


def check_nothing_is_left(yard: Yard) -> None:
    """Planning again finds nothing, with the snapshot's memory of what it has looked at and without it."""
    again = yard.plan()
    assert not again.placements
    assert not again.preemptions
    if not yard.snapshot.nodes.resting:
        fresh = yard.rebuilt()
        anew = make_plan(fresh, yard.now)
        assert not anew.placements
        assert not anew.preemptions


@given(seed=st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_every_cycle_keeps_its_promises(seed: int) -> None:
    Storm(seed).blow(80)


@given(
    running=st.lists(SIZES, max_size=16),
    size=SIZES,
    priority=st.sampled_from((60, 150, 1000)),
)
@settings(max_examples=150, deadline=None)
def test_victims_are_as_few_as_can_be(running: list[dict[str, Any]], size: dict[str, Any], priority: int) -> None:
    """Someone is preempted exactly when that makes room and nothing else does, and nobody needlessly."""
    yard = Yard(*NODES)
    yard.submit(*(job(number, **fields) for number, fields in enumerate(running)))
    while yard.cycle().placements:
        pass
    for view in yard.of(*HOLDING):
        yard.start(view.id)
    for view in yard.of(JobStatus.QUEUED):
        yard.change(view.id, status=JobStatus.KILLED)
    winner = job(100, **(size | {"priority": priority}))
    free = {name: known.room("v100") for name, known in yard.snapshot.nodes.table.items()}
    lower = [view for view in yard.of(JobStatus.RUNNING) if view.preemptible and view.state.priority < priority]
    yard.submit(winner)
    plan = yard.cycle()
    victims = {preemption.id for preemption in plan.preemptions}
    assert bool(plan.placements) == fits(free, winner)
    assert bool(victims) == (not fits(free, winner) and fits(with_all(free, lower), winner))
    chosen = [view for view in lower if view.id in victims]
    assert len(chosen) == len(victims)
    for spared in chosen:
        assert not fits(with_all(free, (view for view in chosen if view is not spared)), winner)


def fits(free: dict[str, Room], view: JobView) -> bool:
    """Whether a job finds room for all of its ranks on the nodes of one executor, the slow and simple way."""
    shape = shape_of(view)
    ranks = Counter[str]()
    for report in NODES:
        room = NOTHING if report.devices_only and not view.devices else free.get(report.node, NOTHING)
        while room.fits(shape):
            ranks[report.answerer if shape.gang else report.node] += 1
            room = room.minus(need(shape))
    return any(count >= shape.nodes for count in ranks.values())


def with_all(free: dict[str, Room], leaving: Iterable[JobView]) -> dict[str, Room]:
    """What is free when these have left."""
    free = dict(free)
    for view in leaving:
        assert view.state.allocation is not None
        for share in view.state.allocation.shares:
            free[share.node] = free[share.node].plus(need(shape_of(view)))
    return free


@given(sizes=st.lists(SIZES, min_size=1, max_size=25), data=st.data())
@settings(max_examples=60, deadline=None)
def test_everything_runs_in_the_end(sizes: list[dict[str, Any]], data: st.DataObject) -> None:
    """Promises prevent endless preemption: with random completions every job that fits somewhere finishes."""
    yard = Yard(*NODES)
    empty = {name: known.room("v100") for name, known in yard.snapshot.nodes.table.items()}
    views = (job(number, **fields) for number, fields in enumerate(sizes))
    yard.submit(*(view for view in views if fits(empty, view)))
    for _ in range(40 * len(sizes)):
        settle(yard)
        held = yard.of(*HOLDING)
        if not held:
            break
        ended = data.draw(st.sampled_from(held))
        yard.end(ended.id)
    assert not yard.of(JobStatus.QUEUED, *HOLDING)


def settle(yard: Yard) -> None:
    """Cycle until nothing happens any more; that must come soon while nobody ends."""
    for _ in range(2 * len(yard.jobs) + 2):
        plan = yard.cycle()
        if not plan.placements and not plan.preemptions:
            return
        for view in yard.of(JobStatus.SCHEDULING):
            yard.start(view.id)
    raise AssertionError("the cycles do not come to rest")
