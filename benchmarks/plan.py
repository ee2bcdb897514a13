"""What the scheduler's decisions cost in a large yard: `python -m benchmarks.plan` (no server, one core).

1,000 nodes of 8 devices, all of them held; 100,000 jobs wait in 20 shapes and ten priorities. Each figure is printed
beside the cost of a plain dictionary insertion on the same machine in the same run.
"""

import random
import time
from collections.abc import Callable
from datetime import timedelta
from typing import ParamSpec

from services.scheduler.domain.plan import plan
from services.scheduler.domain.reasons import Reasons
from services.scheduler.domain.snapshot import Snapshot
from shared.contracts.events import NodeReported
from shared.contracts.job import JobState, JobStatus, JobView
from tests.support.yard import START, job, node

NODES = 1_000
QUEUED = 100_000
SHAPES = tuple(
    {"devices": devices, "cpus": cpus, "memory_mib": memory}
    for devices in (1, 2, 4, 8)
    for cpus, memory in ((1.0, 0), (2.0, 0), (4.0, 4_096), (8.0, 8_192), (1.0, 1_024))
)
P = ParamSpec("P")
NOW = START + timedelta(days=2)


def main() -> None:
    """Print every figure."""
    print(f"{NODES} nodes, {NODES * 8} devices, {QUEUED} jobs waiting, {len(SHAPES)} shapes\n")
    machine()
    snapshot = Snapshot()
    for number in range(NODES):
        snapshot.report(reported(number), 0.0)
    fill(snapshot)
    queue(snapshot)
    hopeless_submissions(snapshot)
    one_job_ends(snapshot)
    explain(snapshot)
    from_scratch(snapshot)
    gangs()


def machine() -> None:
    """What this machine does in the same time."""
    table: dict[str, int] = {}
    show("a dictionary insertion (this machine)", [timed(table.__setitem__, str(n), n) for n in range(20_000)])


def fill(snapshot: Snapshot) -> None:
    """The first jobs take every device, in plans of at most 200."""
    for number in range(NODES * 8):
        snapshot.put(job(number, devices=1, cpus=0.5, priority=900))
    times, placed = [], 0
    while placed < NODES * 8:
        began = time.thread_time()
        decided = plan(snapshot, NOW, 200)
        snapshot.apply(decided)
        times.append(time.thread_time() - began)
        placed += len(decided.placements)
        for placement in decided.placements:
            view = snapshot.jobs[placement.id]
            state = JobState(
                status=JobStatus.RUNNING, priority=900, attempt=1, allocation=placement.allocation, started_at=START
            )
            snapshot.put(view.model_copy(update={"version": 3, "state": state}))
    show("a plan that places 200 jobs", times)


def queue(snapshot: Snapshot) -> None:
    """The queue arrives, and one plan finds that nothing of it fits."""
    chance = random.Random(1)
    views = [a_job(chance, NODES * 8 + number) for number in range(QUEUED)]
    show("a job joins the queue (before the first plan)", [timed(snapshot.put, view) for view in views])
    show("the first plan over the whole queue", [timed(lambda: snapshot.apply(plan(snapshot, NOW)))])


def hopeless_submissions(snapshot: Snapshot) -> None:
    """A submission that cannot fit now: no plan is due after it."""
    chance = random.Random(2)
    views = [a_job(chance, NODES * 8 + QUEUED + number, priority=100) for number in range(20_000)]
    times = [timed(snapshot.put, view) for view in views]
    assert not snapshot.due
    show("a submission that cannot fit now", times)
    for view in views:
        snapshot.forget(view.id)


def one_job_ends(snapshot: Snapshot) -> None:
    """A running job ends; the next plan gives its device to the first that fits."""
    running = [view for view in snapshot.jobs.values() if view.state.status is JobStatus.RUNNING]
    times = []
    for view in random.Random(3).sample(running, 500):
        state = view.state.model_copy(update={"status": JobStatus.FINISHED, "allocation": None})
        ended = view.model_copy(update={"version": view.version + 1, "state": state})
        began = time.thread_time()
        snapshot.put(ended)
        decided = plan(snapshot, NOW, 200)
        snapshot.apply(decided)
        times.append(time.thread_time() - began)
        assert len(decided.placements) == 1
    show("a job ends and the next is placed", times)


def explain(snapshot: Snapshot) -> None:
    """A page of 500 waiting jobs, the yard just changed (nothing is remembered)."""
    reasons = Reasons(snapshot)
    waiting = [view.id for view in snapshot.jobs.values() if view.state.status is JobStatus.QUEUED]
    chance = random.Random(4)
    pages = [chance.sample(waiting, 500) for _ in range(50)]
    times = []
    for page in pages:
        snapshot.nodes.improve("node-1")
        began = time.thread_time()
        assert len(reasons.explain(page)) > 490
        times.append(time.thread_time() - began)
    show("a page of 500 explained, after a change", times)
    show("a page of 500 explained, nothing changed", [timed(reasons.explain, page) for page in pages])


def from_scratch(snapshot: Snapshot) -> None:
    """A new leader: the whole snapshot from its jobs and nodes, and its first plan."""
    views = list(snapshot.jobs.values())

    def rebuild() -> None:
        fresh = Snapshot()
        for number in range(NODES):
            fresh.report(reported(number), 0.0)
        for view in views:
            fresh.put(view)
        plan(fresh, NOW)

    show(f"a new snapshot of {len(views)} jobs and its first plan", [timed(rebuild)])


def gangs() -> None:
    """One executor has all nodes, as a cluster has. 125 jobs of 64 ranks take them, and one of high priority takes the
    place of preemptible ones.
    """
    snapshot = Snapshot()
    for number in range(NODES):
        snapshot.report(reported(number).model_copy(update={"executor": "cluster"}), 0.0)
    sizes = {"devices": 1, "nodes": 64, "cpus": 0.5, "preemptible": True, "priority": 100}
    times = []
    for number in range(NODES * 8 // 64):
        snapshot.put(job(number, **sizes))
        times.append(timed(lambda: snapshot.apply(plan(snapshot, NOW))))
    show("a gang of 64 ranks is placed", times)
    for id, placement in list(snapshot.pending.items()):
        state = JobState(
            status=JobStatus.RUNNING, priority=100, attempt=1, allocation=placement.allocation, started_at=START
        )
        snapshot.put(snapshot.jobs[id].model_copy(update={"version": 3, "state": state}))
    snapshot.put(job(NODES, **(sizes | {"priority": 900})))
    decided = plan(snapshot, NOW)
    assert len(decided.preemptions) == 1
    show("others make room for a gang of 64 ranks", [timed(plan, snapshot, NOW) for _ in range(20)])
    snapshot.forget(job(NODES).id)
    snapshot.put(job(NODES + 1, **(sizes | {"priority": 50})))
    show("a gang that cannot fit", [timed(plan, snapshot, NOW) for _ in range(20)])


def reported(number: int) -> NodeReported:
    return node(f"node-{number}", cpus=64, memory_mib=262_144, v100=8)


def a_job(chance: random.Random, number: int, priority: int | None = None) -> JobView:
    return job(number, priority=priority or chance.randrange(100, 200, 10), **chance.choice(SHAPES))


def timed(action: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> float:
    began = time.thread_time()
    action(*args, **kwargs)
    return time.thread_time() - began


def show(what: str, seconds: list[float]) -> None:
    """The median and the 99th percentile, in microseconds of CPU time: a busy neighbour does not count."""
    ordered = sorted(seconds)
    median, high = ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
    print(f"{what:56} p50 {median * 1e6:12,.1f} us   p99 {high * 1e6:12,.1f} us   n {len(ordered)}")


if __name__ == "__main__":
    main()
