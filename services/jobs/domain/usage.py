"""What an attempt has used, and since when its work is undone: the facts of the event that ends it.

An event has `usage` if, and only if, it ended an attempt that had started; the history keeps it for ever. What nobody
measured is absent: only how long it held its devices is known then. A lost run held them until its loss was noticed,
whenever its last sample was: what comes after that counts as held, and nobody measured it. Time and devices are the
job's own, whatever was measured, since a run may have had its hands in that; what no run can have used is unknown.
"""

from dataclasses import replace
from datetime import datetime

from services.jobs.domain.document import JobDocument, Step
from services.jobs.domain.receipts import undone_since
from shared.contracts.base import rfc3339
from shared.contracts.events import (
    Facts,
    JobErrored,
    JobFailed,
    JobPaused,
    JobRetried,
    RunEnded,
    RunEvent,
    RunExited,
    RunLost,
    RunOver,
    RunRefused,
)
from shared.contracts.job import IDLE
from shared.contracts.metrics import MOST_SECONDS, RunUsage

FAILURES = (JobRetried, JobFailed, JobErrored)


def told(job: JobDocument, steps: list[Step], news: RunEvent, now: datetime) -> list[Step]:
    """The steps, of which the last says what the attempt has used that it ended, if it ended one."""
    last = steps[-1]
    started_at = last.state.started_at
    if not issubclass(last.event, RunOver) or isinstance(news, RunRefused) or started_at is None:
        return steps
    ended_at = news.ended_at if isinstance(news, RunEnded) else now
    measured = news.usage if isinstance(news, RunEnded | RunLost) else None
    usage = _believed(measured, _held(job, max((ended_at - started_at).total_seconds(), 0.0)))
    facts: Facts = {"usage": usage.model_dump(mode="json", exclude_defaults=True)}
    if _failed(job, last, news):
        checkpoint_at = news.checkpoint_at if isinstance(news, RunEnded) else None
        facts["lost_since"] = rfc3339(undone_since(started_at, checkpoint_at, ended_at))
    return [*steps[:-1], replace(last, facts=last.facts | facts)]


def _held(job: JobDocument, seconds: float) -> RunUsage:
    request = job.request
    device_seconds = min(seconds * request.devices * request.nodes, MOST_SECONDS)
    return RunUsage(seconds=seconds, device_seconds=device_seconds)


def _believed(measured: RunUsage | None, held: RunUsage) -> RunUsage:
    """What was measured, as far as a run of so long on so many devices may have used it."""
    if measured is None:
        return held
    known_s = min(measured.device_measured_seconds, held.device_seconds)
    return measured.model_copy(
        update={
            "seconds": held.seconds,
            "device_seconds": held.device_seconds,
            "device_measured_seconds": known_s,
            "device_idle_seconds": min(measured.device_idle_seconds, known_s),
        }
    ).believed()


def _failed(job: JobDocument, last: Step, news: RunEvent) -> bool:
    """Whether the attempt's end undid work. A session that reached its time limit had none."""
    if last.event is JobPaused:
        return isinstance(news, RunExited)  # it failed by itself before the stop reached it
    return last.event in FAILURES and not (last.event is JobFailed and job.request.command == IDLE)
