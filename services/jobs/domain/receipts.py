"""The receipt of a run that was stopped for a pause or a preemption: who, why, by which rule, and the work it cost.

Lost is what was held since the last checkpoint, or since the run's start if that is later: devices over all nodes, or
cpus for a job without devices, times minutes. A checkpoint that the script wrote on SIGTERM counts, so a job that
saves in its grace period loses next to nothing.
"""

from datetime import datetime
from typing import Literal

from services.jobs.domain.document import HistoryEntry, JobDocument
from shared.contracts.events import JobPausing, Receipt, RunEnded, RunEvent, RunRefused
from shared.contracts.job import Actor, JobRequest

Unit = Literal["device", "cpu"]

PAUSE_COMMAND = "pause_command"
"""The rule by which a person's pause stops a job."""


def of_waiting(job: JobDocument, actor: Actor, why: str) -> Receipt:
    """A job that was paused before it ran: nothing was stopped, nothing is lost."""
    held, unit = held_by(job.request)
    return Receipt(by=actor.named, rule=PAUSE_COMMAND, why=why, held=held, unit=unit, minutes_lost=0)


def of_run(job: JobDocument, ended: RunEvent, now: datetime) -> Receipt:
    """The job is pausing, and its run has come to this end."""
    asked = _asked(job)
    details = asked.state.reason.details if asked.state.reason else {}
    held, unit = held_by(job.request)
    checkpoint_at = _moment(details.get("checkpoint_at"))
    started_at = job.state.started_at
    stopped_at = now
    if isinstance(ended, RunEnded):
        started_at = started_at or ended.started_at
        stopped_at = ended.ended_at
        checkpoint_at = ended.checkpoint_at or checkpoint_at
    if started_at is None or isinstance(ended, RunRefused):
        lost_since, stopped = None, None
    else:
        lost_since = undone_since(started_at, checkpoint_at, stopped_at)
        stopped = stopped_at
    seconds = (stopped - lost_since).total_seconds() if stopped and lost_since else 0.0
    return Receipt(
        by=asked.actor.named,
        rule=str(details.get("rule", PAUSE_COMMAND)),
        why=str(details.get("why", "")),
        stopped_at=stopped,
        checkpoint_at=checkpoint_at,
        lost_since=lost_since,
        held=held,
        unit=unit,
        minutes_lost=round(held * seconds / 60, 3),
    )


def undone_since(started_at: datetime, checkpoint_at: datetime | None, ended_at: datetime) -> datetime:
    """From when on a run's work is lost with it: its last checkpoint, as far as one is known, or its start if later."""
    return min(max(started_at, checkpoint_at or started_at), ended_at)


def held_by(request: JobRequest) -> tuple[float, Unit]:
    """What a run of this job holds, and the unit that its losses are counted in."""
    if request.devices:
        return request.devices * request.nodes, "device"
    return request.cpus * request.nodes, "cpu"


def _asked(job: JobDocument) -> HistoryEntry:
    """The change that asked for the stop which is now coming to its end."""
    return next(entry for entry in reversed(job.history) if entry.fact == JobPausing.fact)


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
