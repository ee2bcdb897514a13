"""What has to be done so that this node does what the platform wants of it: the reconcile loop's decision.

Events say the same sooner; this says it again however many of them were missed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from shared.contracts.job import JobStatus, JobView

PATIENCE_S = 10.0
"""A launch that has shown no start for so long is repeated."""


class Phase(Enum):
    """Where a run on this node is."""

    WAITING = "waiting"
    STARTED = "started"
    ENDED = "ended"


@dataclass(frozen=True)
class Local:
    """A run that this node has a record of."""

    job_id: str
    attempt: int
    phase: Phase
    age_s: float


@dataclass
class Repairs:
    """Run ids, by what to do about them."""

    launch: list[str] = field(default_factory=list)
    stop: list[str] = field(default_factory=list)
    report: list[str] = field(default_factory=list)
    lose: list[str] = field(default_factory=list)
    forget: list[str] = field(default_factory=list)


def repairs(wanted: Iterable[JobView], local: Mapping[str, Local], settled: Iterable[str]) -> Repairs:
    """Compare the jobs that hold something here with the runs of this node.

    `settled` are the runs that were known before the jobs were asked for: of those, and only those, absence from
    `wanted` means that the platform is done with them.
    """
    todo = Repairs()
    named = set()
    for view in wanted:
        id = f"{view.id}.{view.state.attempt}"
        named.add(id)
        _for_wanted(id, view.state.status, local.get(id), todo)
    for id in settled:
        run = local.get(id)
        if run is None or id in named:
            continue
        if run.phase is Phase.ENDED:
            todo.forget.append(id)
        else:
            todo.stop.append(id)
    return todo


def _for_wanted(id: str, status: JobStatus, run: Local | None, todo: Repairs) -> None:
    leaving = status in (JobStatus.PAUSING, JobStatus.KILLING)
    if run is None:
        by_status = {JobStatus.SCHEDULING: todo.launch, JobStatus.RUNNING: todo.lose}
        (todo.stop if leaving else by_status[status]).append(id)
    elif run.phase is Phase.ENDED:
        todo.report.append(id)
    elif leaving:
        todo.stop.append(id)
    elif run.phase is Phase.WAITING and run.age_s > PATIENCE_S:
        todo.launch.append(id)
    elif run.phase is Phase.STARTED and status is JobStatus.SCHEDULING:
        todo.report.append(id)
