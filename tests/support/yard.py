"""A simulated yard: a Snapshot, and what the jobs service and the executors would do with its plans.

The simulator keeps its own jobs and versions, so that a test can compare the incremental snapshot with one that is
built anew from the same jobs (`rebuilt`).
"""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from services.jobs.domain.reasons import start_refused
from services.scheduler.domain.plan import Plan, plan
from services.scheduler.domain.snapshot import Snapshot
from shared.contracts.commands.scheduling import Placement
from shared.contracts.events import NodeReported, NodeSize
from shared.contracts.job import CPU, HOLDING, JobState, JobStatus, JobView, Reason

START = datetime(2026, 1, 1, tzinfo=UTC)
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def job_id(number: int) -> str:
    """A valid id; a higher number sorts later."""
    text = ""
    for _ in range(26):
        text = _ALPHABET[number % 32] + text
        number //= 32
    return text


def node(
    name: str,
    cpus: float = 64,
    memory_mib: int = 65_536,
    executor: str | None = None,
    pods: int | None = None,
    **devices: int,
) -> NodeReported:
    return NodeReported(
        node=name,
        boot_id="boot",
        cpus=cpus,
        memory_mib=memory_mib,
        devices=devices,
        reported_at=START,
        executor=executor,
        pods=pods,
    )


CORDONED = Reason(code="node_cordoned", message="It is cordoned.")


def of_which(report: NodeReported, cpus: float, **devices: int) -> NodeReported:
    """The node when others than runs use the rest of so many cpus and devices."""
    return report.model_copy(update={"whole": NodeSize(cpus=cpus, memory_mib=report.memory_mib, devices=devices)})


def closed(report: NodeReported) -> NodeReported:
    """The node when nothing new may run there."""
    whole = NodeSize(cpus=report.cpus, memory_mib=report.memory_mib, devices=report.devices)
    nothing = {"cpus": 0.0, "memory_mib": 0, "devices": {}}
    return report.model_copy(update={**nothing, "whole": whole, "closed": CORDONED})


def for_devices(report: NodeReported) -> NodeReported:
    """The node when only jobs that hold some of its devices may be there."""
    return report.model_copy(update={"devices_only": True})


def job(number: int, **changes: Any) -> JobView:
    """A queued job, submitted `number` seconds after the start: one cpu, or what `changes` say."""
    priority = changes.pop("priority", 100)
    not_before = changes.pop("not_before", None)
    fields: dict[str, Any] = {
        "id": job_id(number),
        "name": f"job-{number}",
        "owner": "ada",
        "vc": "default",
        "device_type": changes.pop("device_type", "v100" if changes.get("devices") else CPU),
        "devices": 0,
        "nodes": 1,
        "cpus": 1.0,
        "memory_mib": 0,
        "preemptible": False,
        "max_duration_s": None,
        "grace_period_s": 30,
        "labels": {},
        "submitted_at": START + timedelta(seconds=number),
        "version": 1,
        "state": JobState(status=JobStatus.QUEUED, priority=priority, not_before=not_before),
    }
    return JobView(**(fields | changes))


class Yard:
    """Applies plans to a snapshot, and plays the rest of the platform in memory."""

    def __init__(self, *nodes: NodeReported) -> None:
        self.snapshot = Snapshot()
        self.jobs: dict[str, JobView] = {}
        self.now = START + timedelta(days=1)
        self.monotonic = 1000.0
        self.nodes = {report.node: report for report in nodes}
        self.report(*nodes)

    def report(self, *nodes: NodeReported) -> None:
        for report in nodes:
            self.nodes[report.node] = report
            self.snapshot.report(report, self.monotonic)

    def submit(self, *views: JobView) -> None:
        for view in views:
            self.jobs[view.id] = view
            self.snapshot.put(view)

    def pass_time(self, seconds: float, silent: Iterable[str] = ()) -> None:
        """Every node but the silent ones reports meanwhile."""
        self.now += timedelta(seconds=seconds)
        self.monotonic += seconds
        self.report(*(report for name, report in self.nodes.items() if name not in silent))
        self.snapshot.advance(self.now, self.monotonic)

    def change(self, id: str, **state: Any) -> JobView:
        """The job's next version."""
        view = self.jobs[id]
        changed = view.model_copy(update={"version": view.version + 1, "state": view.state.model_copy(update=state)})
        self.jobs[id] = changed
        self.snapshot.put(changed)
        return changed

    # --- cycles

    def plan(self, limit: int | None = None) -> Plan:
        self.snapshot.advance(self.now, self.monotonic)
        return plan(self.snapshot, self.now, limit)

    def cycle(self, limit: int | None = None) -> Plan:
        """Plan, apply, and let the jobs service do all of it."""
        decided = self.plan(limit)
        self.snapshot.apply(decided)
        for placement in decided.placements:
            self.place(placement)
        for preemption in decided.preemptions:
            self.change(preemption.id, status=JobStatus.PAUSING, then=JobStatus.QUEUED, reason=preemption.reason)
        return decided

    def place(self, placement: Placement) -> None:
        view = self.jobs[placement.id]
        assert view.version == placement.version
        self.change(
            placement.id,
            status=JobStatus.SCHEDULING,
            allocation=placement.allocation,
            attempt=view.state.attempt + 1,
            reason=None,
        )

    # --- what executors observe

    def start(self, id: str) -> None:
        self.change(id, status=JobStatus.RUNNING, started_at=self.now)

    def end(self, id: str) -> None:
        """The run's end: finished, or what a stop leads to."""
        view = self.jobs[id]
        leads_to = view.state.then or JobStatus.FINISHED
        self.change(id, status=leads_to, then=None, allocation=None, reason=None)

    def refuse(self, id: str) -> None:
        self.change(id, status=JobStatus.QUEUED, allocation=None)

    def put_off(self, id: str, why: Reason, seconds: float) -> None:
        """Its start was refused for what no other node would mend."""
        refusals, until = self.jobs[id].state.refusals + 1, self.now + timedelta(seconds=seconds)
        reason = start_refused(why, refusals, until)
        self.change(id, status=JobStatus.QUEUED, allocation=None, refusals=refusals, not_before=until, reason=reason)

    def of(self, *statuses: JobStatus) -> list[JobView]:
        return [view for view in self.jobs.values() if view.state.status in statuses]

    def held(self, name: str, device_type: str) -> int:
        """How many devices of a node jobs hold."""
        views = (view for view in self.of(*HOLDING) if view.device_type == device_type)
        shares = (share for view in views if view.state.allocation for share in view.state.allocation.shares)
        return sum(len(share.devices) for share in shares if share.node == name)

    def ranks(self, name: str) -> int:
        """How many ranks of jobs a node has."""
        allocations = (view.state.allocation for view in self.of(*HOLDING))
        return sum(share.node == name for each in allocations if each for share in each.shares)

    # --- what must always hold

    def rebuilt(self) -> Snapshot:
        """A snapshot without a memory of earlier plans, but for the promises."""
        fresh = Snapshot()
        for name, known in self.snapshot.nodes.table.items():
            if known.report is not None and not known.silent:
                fresh.report(self.nodes[name], self.monotonic)
        for view in self.jobs.values():
            fresh.put(view)
        fresh.promises.update(self.snapshot.promises)
        fresh.advance(self.now, self.monotonic)
        return fresh

    def check_capacity(self) -> None:
        """No device is held twice, nor more of them than there are; cpus and memory add up; every job has all of its
        ranks.
        """
        cpus: Counter[str] = Counter()
        memory: Counter[str] = Counter()
        devices: Counter[tuple[str, str, int]] = Counter()
        for view in self.of(*HOLDING):
            assert view.state.allocation is not None
            assert [share.rank for share in view.state.allocation.shares] == list(range(view.nodes))
            for share in view.state.allocation.shares:
                assert len(share.devices) == view.devices
                assert share.executor == self.nodes[share.node].executor
                assert view.devices or not self.nodes[share.node].devices_only
                cpus[share.node] += round(view.cpus * 1000)
                memory[share.node] += view.memory_mib
                devices.update((share.node, view.device_type, index) for index in share.devices)
        assert all(count == 1 for count in devices.values())
        for (name, device_type), count in Counter(device[:2] for device in devices).items():
            assert count <= self.nodes[name].devices[device_type]
        for name, report in self.nodes.items():
            assert cpus[name] <= round(report.cpus * 1000)
            assert memory[name] <= report.memory_mib
            assert report.pods is None or self.ranks(name) <= report.pods
