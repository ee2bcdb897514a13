"""Placed jobs for tests of the executor: views, what is to be launched, and records, with what a test changes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from services.executor.domain.record import Member, RunRecord
from services.executor.placed import Assignment, shares_of
from shared.contracts.job import CPU, Allocation, JobState, JobStatus, JobView, LaunchSpec, Share

ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
NODE = "node-1"
NOW = datetime(2026, 11, 23, 23, 12, 50, tzinfo=UTC)
BOOT = "boot"


def view_of(
    id: str = ID,
    status: JobStatus = JobStatus.SCHEDULING,
    attempt: int = 1,
    devices: Sequence[int] = (),
    node: str = NODE,
    log_lines: int = 0,
    ranks: int = 1,
    **changes: Any,
) -> JobView:
    """A job that holds these devices (of type v100) on the node, divided among its ranks."""
    each = len(devices) // ranks
    held = [tuple(devices[rank * each : (rank + 1) * each]) for rank in range(ranks)]
    shares = tuple(Share(node=node, rank=rank, devices=held[rank]) for rank in range(ranks))
    state = JobState(
        status=status, priority=100, attempt=attempt, allocation=Allocation(shares=shares), log_lines=log_lines
    )
    fields: dict[str, Any] = {
        "id": id,
        "name": "train",
        "owner": "ada",
        "vc": "default",
        "device_type": "v100" if devices else CPU,
        "devices": each,
        "nodes": ranks,
        "cpus": 0.01,
        "memory_mib": 0,
        "preemptible": False,
        "max_duration_s": None,
        "grace_period_s": 10,
        "labels": {},
        "submitted_at": NOW,
        "version": 2 * attempt,
        "state": state,
    }
    return JobView(**(fields | changes))


def launch_of(command: str | tuple[str, ...] = "true", **changes: Any) -> LaunchSpec:
    fields: dict[str, Any] = {
        "command": command,
        "image": None,
        "env": {},
        "data_path": None,
        "work_path": None,
        "job_path": None,
        "checkpoint_path": None,
    }
    return LaunchSpec(**(fields | changes))


def assignment_of(view: JobView | None = None, launch: LaunchSpec | None = None) -> Assignment:
    view = view or view_of()
    return Assignment(view=view, shares=shares_of(view, NODE), launch=launch or launch_of())


def member_of(record: RunRecord | None = None, **changes: Any) -> Member:
    """The first rank of a run."""
    return replace((record or record_of()).members[0], **changes)


def record_of(**changes: Any) -> RunRecord:
    fields: dict[str, Any] = {
        "id": f"{ID}.1",
        "job_id": ID,
        "attempt": 1,
        "vc": "default",
        "owner": "ada",
        "shares": (Share(node=NODE),),
        "boot_id": BOOT,
        "device_type": CPU,
        "cpus": 1.0,
        "memory_mib": 0,
        "first_seq": 1,
        "created_at": NOW,
    }
    return RunRecord(**(fields | changes))
